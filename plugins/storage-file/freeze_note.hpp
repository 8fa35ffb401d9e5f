// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::file {

/// What is written of a freeze under way (`ROLE.freeze`): one line says how far it is, the rest is the layer's path.
struct FreezeNote {
    std::string layer_path;
    bool frozen = false;  ///< the layer is there to stay
};

/// None if there is no such file. `corrupt` if it is no such note.
[[nodiscard]] sdk::Result<std::optional<FreezeNote>> read_note(const std::string& path);
/// Durable once it returns.
[[nodiscard]] sdk::Result<void> write_note(const std::string& path, const FreezeNote& note);
[[nodiscard]] sdk::Result<void> remove_note(const std::string& path);

}  // namespace banger::file
