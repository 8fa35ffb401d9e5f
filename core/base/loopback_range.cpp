// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/loopback_range.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>

namespace banger::base {
namespace {

constexpr unsigned address_bits = 32;

std::string text_of(std::uint32_t address)
{
    const in_addr ordered{htonl(address)};
    std::array<char, INET_ADDRSTRLEN> text{};
    return ::inet_ntop(AF_INET, &ordered, text.data(), text.size());
}

}  // namespace

sdk::Result<LoopbackRange> LoopbackRange::parse(std::string_view text)
{
    constexpr unsigned loopback_bits = 8;
    constexpr unsigned most_bits = 30;
    const auto wrong = [&](const std::string& why) {
        return sdk::make_error(sdk::Code::invalid, "'" + std::string(text) + "' " + why, "such as 127.86.0.0/16");
    };
    const auto slash = text.find('/');
    in_addr address{};
    LoopbackRange range;
    const std::string_view bits = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
    const auto read = std::from_chars(bits.data(), bits.data() + bits.size(), range.prefix_bits);
    if (bits.empty() || read.ec != std::errc() || read.ptr != bits.data() + bits.size() ||
        ::inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) != 1)
        return wrong("is no range of addresses");
    range.first = ntohl(address.s_addr);
    if (range.first >> (address_bits - loopback_bits) != IN_LOOPBACKNET || range.prefix_bits < loopback_bits)
        return wrong("is not within 127.0.0.0/8");
    if (range.prefix_bits > most_bits)
        return wrong("has no room for machines");
    if ((range.first & ((1U << (address_bits - range.prefix_bits)) - 1)) != 0)
        return wrong("has an address with bits beyond its prefix");
    return range;
}

std::uint32_t LoopbackRange::count() const
{
    return (1U << (address_bits - prefix_bits)) - 2;
}

std::string LoopbackRange::address(std::uint32_t index) const
{
    return text_of(first + 1 + index);
}

std::string LoopbackRange::text() const
{
    return text_of(first) + "/" + std::to_string(prefix_bits);
}

}  // namespace banger::base
