// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/storage.hpp"

namespace banger::sdk {

/// Fills in the length of the disk that a layer holds, and tells what it stands on; none: it stands alone.
using LookAtLayer = std::function<Result<std::optional<Layer>>(Layer&)>;

/// The layer and all that it stands on, from the top down. `corrupt` if there are more than `most`; else what `look`
/// complains of.
[[nodiscard]] Result<std::vector<Layer>> layers_from(Layer layer, std::size_t most, const LookAtLayer& look);

/// What a look says of a layer that is not there: `not_found`.
[[nodiscard]] Error layer_is_gone(const std::string& path);

/// `precondition` if the layers under a disk leave no place for another one.
[[nodiscard]] Result<void> check_depth(const std::vector<Layer>& layers, std::size_t most, const std::string& role);

/// `corrupt` unless the disk's layers have that of its spec among them, as long as the spec says. It may lie deeper: a
/// freeze put others between, and its end was never written down.
[[nodiscard]] Result<void> check_stands_on(const std::vector<Layer>& layers, const DiskSpec& spec);

}  // namespace banger::sdk
