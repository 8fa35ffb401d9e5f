// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::sdk {

/// What a storage.fork/0 provider may write down of a freeze under way, in a file of the VM's directory: one line says how
/// far it is, the rest is the layer's path.
struct FreezeNote {
    std::string layer_path;
    bool frozen = false;  ///< the layer is there to stay
};

/// None if there is no such file. `corrupt` if it is no such note.
[[nodiscard]] Result<std::optional<FreezeNote>> read_freeze_note(const std::string& path);
/// Durable once it returns.
[[nodiscard]] Result<void> write_freeze_note(const std::string& path, const FreezeNote& note);
[[nodiscard]] Result<void> remove_freeze_note(const std::string& path);

/// Whose freeze a note is of, by where it lies.
struct FoundFreeze {
    std::string vm;
    std::string role;
};
/// Every file ROLE`ending` in the directory of a VM. A directory that cannot be read may hold any, so it is an error.
[[nodiscard]] Result<std::vector<FoundFreeze>> find_freeze_notes(const std::string& vms_directory, std::string_view ending);

}  // namespace banger::sdk
