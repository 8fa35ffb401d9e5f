// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/integration/frames.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <sstream>

namespace banger::tap {

Mac mac_from(const std::string& text)
{
    Mac mac{};
    std::istringstream bytes(text);
    std::string byte;
    for (char& one : mac) {
        std::getline(bytes, byte, ':');
        one = static_cast<char>(std::stoi(byte, nullptr, 16));
    }
    return mac;
}

std::string bytes_of(const Mac& mac)
{
    return {mac.begin(), mac.end()};
}

std::string bytes_of(const std::string& address)
{
    in_addr bytes{};
    EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &bytes), 1) << address;
    return {reinterpret_cast<const char*>(&bytes), sizeof bytes};
}

std::string frame(const Mac& to, const Mac& from, std::string_view type, const std::string& body)
{
    return bytes_of(to) + bytes_of(from) + std::string(type) + body;
}

std::string arp_answer(const Mac& frames_from, const Mac& says, const std::string& address)
{
    return frame(everybody, frames_from, arp_type,
                 std::string("\x00\x01\x08\x00\x06\x04\x00\x02", 8) + bytes_of(says) + bytes_of(address) + bytes_of(everybody) +
                     bytes_of(address));
}

std::string packet(const std::string& from, const std::string& to)
{
    std::string bytes = std::string("\x45\x00\x00\x14\x00\x00\x00\x00\x40\xfd\x00\x00", 12) + bytes_of(from) + bytes_of(to);
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        sum += static_cast<unsigned char>(bytes[i]) << 8U | static_cast<unsigned char>(bytes[i + 1]);
    sum = (sum >> 16U) + (sum & 0xffffU);
    sum = ~(sum + (sum >> 16U));
    bytes[10] = static_cast<char>(sum >> 8U);
    bytes[11] = static_cast<char>(sum);
    return bytes;
}

FrameSocket::FrameSocket(const std::string& interface)
    : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)))
{
    sockaddr_ll name{};
    name.sll_family = AF_PACKET;
    name.sll_protocol = htons(ETH_P_ALL);
    name.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0) << interface;
    packet_mreq all{};
    all.mr_ifindex = name.sll_ifindex;
    all.mr_type = PACKET_MR_PROMISC;
    EXPECT_EQ(::setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all), 0);
}

void FrameSocket::send(const std::string& bytes) const
{
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
}

std::vector<std::string> FrameSocket::until(const std::string& last) const
{
    constexpr int patience_ms = 10000;
    std::vector<std::string> before;
    std::array<char, 65536> bytes{};
    pollfd readable{socket_.get(), POLLIN, 0};
    while (::poll(&readable, 1, patience_ms) == 1) {
        const auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        before.emplace_back(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (before.back() == last) {
            before.pop_back();
            return before;
        }
    }
    ADD_FAILURE() << "it never came";
    return before;
}

}  // namespace banger::tap
