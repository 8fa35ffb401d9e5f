// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "banger/sdk/machine_shape.hpp"
#include "banger/sdk/result.hpp"

namespace banger::firecracker {

/// What the pages that Firecracker calls written are relative to.
inline constexpr const char* since_boot = "boot";      ///< to memory that is all zero
inline constexpr const char* since_unknown = "nobody knows";  ///< a save was under way, and cut off

/// What has to be known of a machine for as long as it lives, and Firecracker does not tell.
struct Noted {
    sdk::MachineShape shape;           ///< the Firecracker's version first
    std::optional<std::string> since;  ///< one of the above, or a save's id; none if it keeps no track
    bool limits_disks = false;         ///< what goes to its disks may be held back
};

/// A save of a machine, from its begin_save until it is resumed.
struct SaveNote {
    std::string directory;  ///< empty: it was finished, or given up
};

/// These notes, in the VM's directory: `firecracker.machine` and `firecracker.save`. A machine does not outlive a boot of the host, so they
/// need not either; a daemon may die at any time.
class MachineNotes {
public:
    explicit MachineNotes(std::string directory) : directory_(std::move(directory)) {}

    /// In place of those of an earlier machine.
    [[nodiscard]] sdk::Result<void> begin(const Noted& noted) const;
    /// `not_found` without a machine.
    [[nodiscard]] sdk::Result<Noted> machine() const;
    [[nodiscard]] sdk::Result<void> note_since(const std::string& since) const;

    /// None if it was resumed since, or never saved.
    [[nodiscard]] sdk::Result<std::optional<SaveNote>> save() const;
    [[nodiscard]] sdk::Result<void> note_save(const SaveNote& save) const;
    [[nodiscard]] sdk::Result<void> forget_save() const;

    /// All of them. Done already is success.
    [[nodiscard]] sdk::Result<void> remove() const;

private:
    [[nodiscard]] std::string machine_path() const { return directory_ + "/firecracker.machine"; }
    [[nodiscard]] std::string save_path() const { return directory_ + "/firecracker.save"; }

    std::string directory_;
};

}  // namespace banger::firecracker
