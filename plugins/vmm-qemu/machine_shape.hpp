// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/machine_shape.hpp"

namespace banger::qemu {

/// The shape that a QEMU with these arguments has, its own version aside. Devices count in their order, which gives
/// them their addresses, with what their state depends on: whether a disk can be written, what a link leads to.
/// `host_processor` is what KVM hands on to guests. A pure function: of the arguments that a boot will have, or that a
/// process shows.
sdk::MachineShape shape_of(const std::vector<std::string>& argv, const std::string& host_processor);

}  // namespace banger::qemu
