// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/network.hpp"

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

}  // namespace banger::sdk
