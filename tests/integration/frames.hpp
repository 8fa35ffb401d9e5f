// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/fd.hpp"

/// Frames, byte for byte, of Ethernet (RFC 894), ARP (RFC 826) and IPv4 (RFC 791).
namespace banger::tap {

using Mac = std::array<char, 6>;

inline constexpr Mac everybody{'\xff', '\xff', '\xff', '\xff', '\xff', '\xff'};
inline constexpr Mac no_guest{'\x52', '\x54', '\x00', '\x00', '\x00', '\x01'};
inline constexpr std::string_view ip_type("\x08\x00", 2), arp_type("\x08\x06", 2), ipv6_type("\x86\xdd", 2);

/// Of text such as 52:54:00:00:00:01.
Mac mac_from(const std::string& text);
std::string bytes_of(const Mac& mac);
/// Of an IPv4 address as text.
std::string bytes_of(const std::string& address);

std::string frame(const Mac& to, const Mac& from, std::string_view type, const std::string& body);
/// "That address is at that hardware address", to all.
std::string arp_answer(const Mac& frames_from, const Mac& says, const std::string& address);
/// A packet of a protocol for experiments (RFC 3692), empty.
std::string packet(const std::string& from, const std::string& to);

/// All frames of an interface of this thread's network namespace (packet(7)).
class FrameSocket {
public:
    explicit FrameSocket(const std::string& interface);
    void send(const std::string& bytes) const;
    /// Those that come until this one does, without it.
    [[nodiscard]] std::vector<std::string> until(const std::string& last) const;

private:
    sdk::os::UniqueFd socket_;
};

}  // namespace banger::tap
