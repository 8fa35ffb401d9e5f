// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "banger/sdk/layer_chain.hpp"

namespace banger::file {

/// How many layers a disk may stand on, one on the other. Each costs whoever opens the disk a descriptor and a table,
/// and a read that finds nothing above passes through it.
constexpr std::size_t most_layers = 32;

/// The layer and all that it stands on, each with the length of the disk that it holds now, down to the one that stands
/// alone. `not_found` if one is gone, `unsupported` if one is of a format that is not known, `corrupt` if one is not
/// what it should be, or there are more than most_layers.
[[nodiscard]] sdk::Result<std::vector<sdk::Layer>> chain_of(const sdk::Layer& layer);

}  // namespace banger::file
