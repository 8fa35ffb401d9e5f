// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// The providers a VM will use, and the words they agreed on.
struct Choice {
    std::string vmm;
    std::string storage;
    std::string network;
    std::string disk_format;  ///< disk:…
    std::string attachment;   ///< link:…
    std::string passed_over;  ///< why those do not go together that each kind has first; empty: they are these
    std::string hint;         ///< what would make them
};

/// Picks providers: by the spec, else by config, else of those that are usable, in the registry's order, the first that
/// go together: that share a disk format and a link that fits the egress. A fast VMM that only works with a tap is so
/// passed over where there is none. An impossible combination is refused here, before anything is made.
sdk::Result<Choice> pick_providers(Engine& engine, const model::VmSpec& spec, sdk::Egress egress, sdk::Call& call);

}  // namespace banger::lifecycle
