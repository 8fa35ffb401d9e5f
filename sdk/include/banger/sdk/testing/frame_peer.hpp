// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::sdk::testing {

/// A guest without a guest: it speaks Ethernet and a little IPv4 over a stream socket, as a VMM does for its guest, and
/// like a hostile one it sends whatever it is told to.
class FramePeer {
public:
    enum class Answer {
        connected,   ///< SYN and ACK came back
        refused,     ///< a reset
        prohibited,  ///< ICMP destination unreachable
        silence,     ///< nothing within the time
    };

    FramePeer(os::UniqueFd socket, const std::string& address) : socket_(std::move(socket)), address_(number(address))
    {
    }

    /// Asks who has an address (RFC 826): its hardware address, or nothing.
    std::optional<std::string> arp(const std::string& address)
    {
        send(broadcast_, ethertype_arp_,
             bytes("\x00\x01\x08\x00\x06\x04\x00\x01", 8) + mac_ + u32(address_) + std::string(6, '\0') +
                 u32(number(address)));
        const auto reply = receive([&](const std::string& frame) {
            return frame.size() >= 42 && frame.substr(12, 2) == ethertype_arp_ &&
                   frame.substr(28, 4) == u32(number(address));
        });
        if (!reply)
            return std::nullopt;
        gateway_mac_ = reply->substr(22, 6);
        return gateway_mac_;
    }

    /// Begins a TCP connection (RFC 9293) and says what came of it.
    Answer connect(const std::string& address, std::uint16_t port)
    {
        const std::uint16_t from = next_port_++;
        std::string segment = u16(from) + u16(port) + u32(1000) + u32(0) +
                              bytes("\x60\x02\xff\xff\x00\x00\x00\x00", 8) + bytes("\x02\x04\x05\xb4", 4);
        seal(segment, 16, address, 6);
        send_packet(address, 6, segment);
        const auto reply = receive([&](const std::string& frame) {
            if (frame.size() < 54 || frame.substr(12, 2) != ethertype_ip_)
                return false;
            if (frame[23] == 6)
                return frame.substr(36, 2) == u16(from);
            return frame[23] == 1 && frame[34] == 3 && frame.size() >= 66 && frame.substr(62, 2) == u16(from);
        });
        if (!reply)
            return Answer::silence;
        if ((*reply)[23] == 1)
            return Answer::prohibited;
        return ((*reply)[47] & 0x04) != 0 ? Answer::refused : Answer::connected;
    }

    void send_datagram(const std::string& address, std::uint16_t port, const std::string& payload)
    {
        std::string datagram =
            u16(next_port_++) + u16(port) + u16(static_cast<std::uint16_t>(8 + payload.size())) + u16(0) + payload;
        seal(datagram, 6, address, 17);
        send_packet(address, 17, datagram);
    }

    /// Any frame at all; its length goes before it.
    void send_frame(const std::string& frame)
    {
        (void)os::write_all(socket_.get(), u32(static_cast<std::uint32_t>(frame.size())) + frame);
    }

    /// The first frame within the time that satisfies `is`.
    std::optional<std::string> receive(const std::function<bool(const std::string&)>& is,
                                       std::chrono::milliseconds time = std::chrono::seconds(3))
    {
        const auto deadline = std::chrono::steady_clock::now() + time;
        for (;;) {
            while (auto frame = take_frame())
                if (is(*frame))
                    return frame;
            if (!os::wait_readable(socket_.get(), -1, deadline))
                return std::nullopt;
            char buffer[65536];
            const ssize_t got = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
            if (got <= 0)
                return std::nullopt;
            received_.append(buffer, static_cast<std::size_t>(got));
        }
    }

    /// True once the other side closed the connection.
    bool is_closed(std::chrono::milliseconds time = std::chrono::seconds(5))
    {
        (void)receive([](const std::string&) { return false; }, time);
        char byte = 0;
        return ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }

private:
    static std::string bytes(const char* text, std::size_t count) { return {text, count}; }
    static std::string u16(std::uint16_t value)
    {
        return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)};
    }
    static std::string u32(std::uint32_t value)
    {
        return u16(static_cast<std::uint16_t>(value >> 16U)) + u16(static_cast<std::uint16_t>(value & 0xffffU));
    }
    static std::uint32_t number(const std::string& address)
    {
        in_addr parsed{};
        ::inet_pton(AF_INET, address.c_str(), &parsed);
        return ntohl(parsed.s_addr);
    }
    static std::uint16_t checksum(std::string data)  // RFC 1071
    {
        if (data.size() % 2 != 0)
            data += '\0';
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < data.size(); i += 2)
            sum += static_cast<std::uint32_t>(static_cast<unsigned char>(data[i]) << 8U |
                                              static_cast<unsigned char>(data[i + 1]));
        while (sum >> 16U != 0)
            sum = (sum & 0xffffU) + (sum >> 16U);
        return static_cast<std::uint16_t>(~sum);
    }

    /// Fills in the checksum of a TCP segment or UDP datagram, with its pseudo header.
    void seal(std::string& payload, std::size_t at, const std::string& to, char protocol) const
    {
        const std::string pseudo = u32(address_) + u32(number(to)) + std::string(1, '\0') + protocol +
                                   u16(static_cast<std::uint16_t>(payload.size()));
        payload.replace(at, 2, u16(checksum(pseudo + payload)));
    }

    void send_packet(const std::string& to, char protocol, const std::string& payload)
    {
        std::string header = bytes("\x45\x00", 2) + u16(static_cast<std::uint16_t>(20 + payload.size())) + u16(1) +
                             u16(0) + '\x40' + protocol + u16(0) + u32(address_) + u32(number(to));
        header.replace(10, 2, u16(checksum(header)));
        send(gateway_mac_, ethertype_ip_, header + payload);
    }

    void send(const std::string& to, const std::string& ethertype, const std::string& payload)
    {
        send_frame(to + mac_ + ethertype + payload);
    }

    std::optional<std::string> take_frame()
    {
        if (received_.size() < 4)
            return std::nullopt;
        std::uint32_t length = 0;
        for (std::size_t i = 0; i < 4; ++i)
            length = length << 8U | static_cast<unsigned char>(received_[i]);
        if (received_.size() - 4 < length)
            return std::nullopt;
        std::string frame = received_.substr(4, length);
        received_.erase(0, 4 + static_cast<std::size_t>(length));
        return frame;
    }

    os::UniqueFd socket_;
    std::uint32_t address_;
    const std::string mac_ = bytes("\x52\x54\x00\xbe\xef\x01", 6);
    const std::string broadcast_ = std::string(6, '\xff');
    const std::string ethertype_arp_ = bytes("\x08\x06", 2);
    const std::string ethertype_ip_ = bytes("\x08\x00", 2);
    std::string gateway_mac_ = broadcast_;
    std::string received_;
    std::uint16_t next_port_ = 40000;
};

}  // namespace banger::sdk::testing
