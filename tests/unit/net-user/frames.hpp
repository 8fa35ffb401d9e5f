// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace banger::user::testing {

using Bytes = std::vector<std::uint8_t>;

/// What a packet in a frame is made of; checksums are left out, as nobody here reads them.
struct Sent {
    std::string to;
    std::uint8_t protocol = 6;
    std::uint16_t port = 80;
    std::uint16_t fragment = 0;  ///< the flags and offset field
    std::uint8_t words = 5;      ///< header length in 32-bit words
    std::uint8_t version = 4;
    std::uint16_t ethertype = 0x0800;
    std::size_t payload = 20;
};

inline Bytes frame_of(const Sent& sent)
{
    Bytes frame(14 + sent.words * 4U + sent.payload);
    for (std::size_t i = 0; i < 6; ++i) {
        frame[i] = 0x55;      // to the gateway
        frame[6 + i] = 0x22;  // from the guest
    }
    const auto put = [&](std::size_t at, unsigned value) {
        frame[at] = static_cast<std::uint8_t>(value >> 8U);
        frame[at + 1] = static_cast<std::uint8_t>(value);
    };
    put(12, sent.ethertype);
    if (frame.size() < 34)
        return frame;
    frame[14] = static_cast<std::uint8_t>(sent.version << 4U | sent.words);
    put(16, static_cast<unsigned>(frame.size() - 14));
    put(20, sent.fragment);
    frame[22] = 64;
    frame[23] = sent.protocol;
    std::array<std::uint8_t, 4> address{10, 0, 2, 15};
    std::copy(address.begin(), address.end(), frame.begin() + 26);
    ::inet_pton(AF_INET, sent.to.c_str(), address.data());
    std::copy(address.begin(), address.end(), frame.begin() + 30);
    const std::size_t transport = 14 + sent.words * 4U;
    if (sent.protocol == 1 && sent.payload > 0)
        frame[transport] = 8;
    else if (sent.payload >= 4)
        put(transport + 2, sent.port);
    return frame;
}

}  // namespace banger::user::testing
