// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::sdk {

/// What a saved state and the machine that goes on with it must have in common, as a person would read it: "memory" is
/// "512 MiB", "devices" is "virtio-blk-pci=root, ...". In a fixed order.
using MachineShape = std::vector<std::pair<std::string, std::string>>;

/// The model of this host's processor, by /proc/cpuinfo: what KVM hands on to guests.
[[nodiscard]] std::string host_processor();

/// One line of text for each fact, and back. `corrupt` if it is no such text.
[[nodiscard]] std::string to_text(const MachineShape& shape);
[[nodiscard]] Result<MachineShape> shape_from_text(const std::string& text);

/// `precondition`, naming the first difference, if a machine of shape `wanted` cannot go on where one of shape `saved`
/// stood.
[[nodiscard]] Result<void> must_fit(const MachineShape& saved, const MachineShape& wanted);

}  // namespace banger::sdk
