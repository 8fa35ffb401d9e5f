// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/dns.hpp"

#include <algorithm>

namespace banger::sdk {

bool is_dns_name(std::string_view name)
{
    constexpr std::size_t longest_label = 63;
    constexpr std::size_t longest_name = 253;
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    };
    if (name.size() > longest_name)
        return false;
    for (std::size_t at = 0; at <= name.size();) {
        const auto end = std::min(name.find('.', at), name.size());
        const auto label = name.substr(at, end - at);
        if (label.empty() || label.size() > longest_label || label.front() == '-' || label.back() == '-' ||
            !std::all_of(label.begin(), label.end(), plain))
            return false;
        at = end + 1;
    }
    return true;
}

}  // namespace banger::sdk
