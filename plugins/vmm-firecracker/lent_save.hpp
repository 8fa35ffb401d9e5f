// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/saved_machine.hpp"

namespace banger::firecracker {

/// What a jailed Firecracker finds of the files of a save in its directory, while it writes them.
inline constexpr const char* lent_memory = "save.memory";
inline constexpr const char* lent_devices = "save.devices";

/// Makes those files in the save's directory, unless they are there, and gives them these names in the VM's jail. So a save has
/// files that were made outside of the jail, whatever the jail does with the names: docs/decisions/0032-saving-in-a-jail.md
sdk::Result<void> lend_save(const std::string& vm_directory, const sdk::SavedMachine& saved);

/// The jail has them no more. Done already is success, and so is a VM without a jail.
sdk::Result<void> take_back_save(const std::string& vm_directory);

}  // namespace banger::firecracker
