// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "frame_policy.hpp"

#include <algorithm>
#include <array>

#include "guest_network.hpp"

namespace banger::user {
namespace {

constexpr std::size_t ethernet_bytes = 14;
constexpr std::size_t least_ip_bytes = 20;
constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_arp = 0x0806;
constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_udp = 17;
constexpr std::uint16_t dns_port = 53;
constexpr std::uint16_t dhcp_server_port = 67;
constexpr std::uint8_t icmp_echo_request = 8;

struct Range {
    std::uint32_t first;
    int bits;

    [[nodiscard]] bool holds(std::uint32_t address) const { return (address ^ first) >> (32 - bits) == 0; }
};

constexpr std::array<Range, 2> of_the_host{{
    {0x00000000, 8},  // "this host": Linux connects to itself
    {0x7f000000, 8},  // loopback
}};

constexpr std::array<Range, 10> not_the_internet{{
    {0x0a000000, 8},   // private
    {0x64400000, 10},  // shared behind a provider's NAT; some clouds keep metadata here
    {0xa83f8110, 32},  // where Azure tells a host what is for it alone (as plugins/net-tap/rules.cpp has it)
    {0xa9fe0000, 16},  // link-local: cloud metadata
    {0xac100000, 12},  // private
    {0xc0000000, 24},  // protocol assignments
    {0xc0a80000, 16},  // private
    {0xc6120000, 15},  // benchmarks
    {0xe0000000, 4},   // multicast
    {0xf0000000, 4},   // reserved, and broadcast
}};

template <std::size_t Count>
bool any_holds(const std::array<Range, Count>& ranges, std::uint32_t address)
{
    return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return range.holds(address); });
}

std::uint16_t u16_at(Frame frame, std::size_t offset)
{
    return static_cast<std::uint16_t>(frame[offset] << 8U | frame[offset + 1]);
}

std::uint32_t u32_at(Frame frame, std::size_t offset)
{
    return static_cast<std::uint32_t>(u16_at(frame, offset)) << 16U | u16_at(frame, offset + 2);
}

/// An IPv4 packet in a frame, as far as it matters here (RFC 791).
struct Packet {
    std::size_t header_bytes;
    std::uint8_t protocol;
    bool first_fragment;
    std::uint32_t source;
    std::uint32_t destination;
};

bool holds_packet(Frame frame)
{
    if (frame.size() < ethernet_bytes + least_ip_bytes || u16_at(frame, 12) != ethertype_ipv4)
        return false;
    const std::size_t header = (frame[ethernet_bytes] & 0x0fU) * 4U;
    return frame[ethernet_bytes] >> 4U == 4 && header >= least_ip_bytes && frame.size() >= ethernet_bytes + header;
}

Packet packet_of(Frame frame)
{
    return {(frame[ethernet_bytes] & 0x0fU) * 4U, frame[ethernet_bytes + 9],
            (u16_at(frame, ethernet_bytes + 6) & 0x1fffU) == 0, u32_at(frame, ethernet_bytes + 12),
            u32_at(frame, ethernet_bytes + 16)};
}

// Services that passt itself has on the guest's network.
bool is_for_passt(Frame frame, const Packet& packet)
{
    const std::size_t at = ethernet_bytes + packet.header_bytes;
    if (packet.protocol != protocol_udp || !packet.first_fragment || frame.size() < at + 8)
        return false;
    const std::uint16_t port = u16_at(frame, at + 2);
    if (port == dhcp_server_port)
        return packet.destination == 0xffffffff || packet.destination == guest_network::gateway_number;
    return port == dns_port && packet.destination == guest_network::dns_number;
}

void put_u16(std::vector<std::uint8_t>& bytes, std::size_t offset, std::uint32_t value)
{
    bytes[offset] = static_cast<std::uint8_t>(value >> 8U);
    bytes[offset + 1] = static_cast<std::uint8_t>(value);
}

// The internet checksum (RFC 1071) of a range of even length.
std::uint16_t checksum(Frame bytes)
{
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
        sum += u16_at(bytes, i);
    while (sum >> 16U != 0)
        sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum);
}

}  // namespace

Verdict judge(Frame frame, sdk::Egress egress)
{
    if (frame.size() >= ethernet_bytes && u16_at(frame, 12) == ethertype_arp)
        return Verdict::pass;
    if (!holds_packet(frame))
        return Verdict::drop;
    const Packet packet = packet_of(frame);
    if (any_holds(of_the_host, packet.destination))
        return Verdict::refuse;
    if (egress == sdk::Egress::all || is_for_passt(frame, packet))
        return Verdict::pass;
    return any_holds(not_the_internet, packet.destination) ? Verdict::refuse : Verdict::pass;
}

std::vector<std::uint8_t> refusal_of(Frame frame)
{
    if (!holds_packet(frame))
        return {};
    const Packet packet = packet_of(frame);
    const std::size_t quoted = std::min(packet.header_bytes + 8, (frame.size() - ethernet_bytes) & ~std::size_t{1});
    const bool is_icmp = packet.protocol == protocol_icmp;
    const std::size_t payload_at = ethernet_bytes + packet.header_bytes;
    const bool asks = !is_icmp || (frame.size() > payload_at && frame[payload_at] == icmp_echo_request);
    if (!asks || !packet.first_fragment || Range{0xe0000000, 3}.holds(packet.destination))
        return {};

    constexpr std::size_t icmp_at = ethernet_bytes + least_ip_bytes;
    std::vector<std::uint8_t> answer(frame.begin() + 6, frame.begin() + 12);  // to whom it came from
    answer.insert(answer.end(), frame.begin(), frame.begin() + 6);
    answer.resize(icmp_at + 8);
    answer.insert(answer.end(), frame.begin() + ethernet_bytes, frame.begin() + ethernet_bytes + quoted);
    put_u16(answer, 12, ethertype_ipv4);
    answer[ethernet_bytes] = 0x45;
    put_u16(answer, ethernet_bytes + 2, static_cast<std::uint32_t>(answer.size() - ethernet_bytes));
    answer[ethernet_bytes + 8] = 64;
    answer[ethernet_bytes + 9] = protocol_icmp;
    put_u16(answer, ethernet_bytes + 12, guest_network::gateway_number >> 16U);
    put_u16(answer, ethernet_bytes + 14, guest_network::gateway_number & 0xffffU);
    std::copy_n(frame.begin() + ethernet_bytes + 12, 4, answer.begin() + ethernet_bytes + 16);
    put_u16(answer, ethernet_bytes + 10, checksum(Frame(answer).subspan(ethernet_bytes, least_ip_bytes)));
    answer[icmp_at] = 3;       // destination unreachable
    answer[icmp_at + 1] = 13;  // communication administratively prohibited
    put_u16(answer, icmp_at + 2, checksum(Frame(answer).subspan(icmp_at)));
    return answer;
}

}  // namespace banger::user
