// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "banger/sdk/layer_chain.hpp"

namespace banger::dm {

/// How many layers a disk may stand on, one on the other. Each that was a disk is a device of its own in the kernel, with
/// a table of all that it holds in memory, and a read that finds nothing above passes through it.
constexpr std::size_t most_layers = 16;

/// The layer and all that it stands on, each with the length of the disk that it holds, down to the one that stands
/// alone. `not_found` if one is gone, `unsupported` if one is of a format that is not known, `corrupt` if one is not what
/// the one above was made over, or there are more than most_layers.
[[nodiscard]] sdk::Result<std::vector<sdk::Layer>> chain_of(const sdk::Layer& layer);

/// Whether at this layer's path is still what was marked so (cow_note.hpp). `corrupt` if not.
[[nodiscard]] sdk::Result<void> check_mark(const sdk::Layer& layer, const std::string& mark);

}  // namespace banger::dm
