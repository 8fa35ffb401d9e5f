// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/network.hpp"

#include <cstdint>

namespace banger::sdk {

std::string_view to_string(Egress egress)
{
    switch (egress) {
    case Egress::none: return "none";
    case Egress::internet: return "internet";
    case Egress::all: return "all";
    }
    return "internet";
}

std::optional<Egress> egress_from_string(std::string_view text)
{
    for (const Egress egress : {Egress::none, Egress::internet, Egress::all})
        if (to_string(egress) == text)
            return egress;
    return std::nullopt;
}

std::string mac_of(const Owner& owner)
{
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : owner.instance + "-" + owner.vm)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    std::string mac = "52:54:00";
    for (const unsigned shift : {20U, 12U, 4U}) {
        mac += ':';
        mac += "0123456789abcdef"[hash >> shift & 0xfU];
        mac += "0123456789abcdef"[hash >> (shift - 4) & 0xfU];
    }
    return mac;
}

}  // namespace banger::sdk
