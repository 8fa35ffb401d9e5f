// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::qemu {

/// What a saved state and the machine that goes on with it must have in common, as a person would read it: "memory" is
/// "512", "devices" is "virtio-blk-pci,id=root,... virtio-net-pci over stream ...". In a fixed order.
using MachineShape = std::vector<std::pair<std::string, std::string>>;

/// The shape that a QEMU with these arguments has, its own version aside. Devices count in their order, which gives
/// them their addresses, with what their state depends on: whether a disk can be written, what a link leads to.
/// `host_processor` is what KVM hands on to guests. A pure function: of the arguments that a boot will have, or that a
/// process shows.
MachineShape shape_of(const std::vector<std::string>& argv, const std::string& host_processor);

/// The model of this host's processor, by /proc/cpuinfo.
std::string host_processor();

/// One line of text for each fact, and back. `corrupt` if it is no such text.
std::string to_text(const MachineShape& shape);
sdk::Result<MachineShape> shape_from_text(const std::string& text);

/// `precondition`, naming the first difference, if a machine of shape `wanted` cannot go on where one of shape `saved`
/// stood.
sdk::Result<void> must_fit(const MachineShape& saved, const MachineShape& wanted);

}  // namespace banger::qemu
