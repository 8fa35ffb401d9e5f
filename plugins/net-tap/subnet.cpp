// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "subnet.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr unsigned longest_prefix = 30;

}  // namespace

std::string to_string(Address address)
{
    const in_addr number{htonl(address)};
    std::array<char, INET_ADDRSTRLEN> text{};
    return ::inet_ntop(AF_INET, &number, text.data(), text.size());
}

std::optional<Address> address_from_string(const std::string& text)
{
    in_addr number{};
    if (::inet_pton(AF_INET, text.c_str(), &number) != 1)
        return std::nullopt;
    return ntohl(number.s_addr);
}

sdk::Result<Subnet> Subnet::parse(std::string_view text)
{
    const auto wrong = [&](const std::string& why) {
        return make_error(Code::invalid, "'" + std::string(text) + "' is no subnet for guests: " + why,
                          "write it like 172.16.0.0/24");
    };
    const auto slash = text.find('/');
    const auto network = address_from_string(std::string(text.substr(0, slash)));
    unsigned bits = 0;
    if (slash == std::string_view::npos || !network)
        return wrong("it is not an address and the length of a prefix");
    const auto* end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data() + slash + 1, end, bits); read.ec != std::errc() || read.ptr != end)
        return wrong("it is not an address and the length of a prefix");
    if (bits == 0 || bits > longest_prefix)
        return wrong("it has room for no guest");
    const Subnet subnet{*network, bits};
    if ((*network & ~subnet.mask()) != 0)
        return wrong("its address has bits behind its prefix");
    if (std::none_of(private_ranges.begin(), private_ranges.end(), [&](const Subnet& range) {
            return range.contains(subnet.network) && range.prefix_bits <= subnet.prefix_bits;
        }))
        return wrong("it is not in a private range");
    return subnet;
}

}  // namespace banger::tap
