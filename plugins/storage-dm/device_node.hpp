// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "banger/sdk/result.hpp"

/// The nodes by which programs reach a device: the kernel's own, which it takes away with the device, and the link of the
/// device's name to that.
namespace banger::dm::device {

/// "/dev/dm-7", of the device with the number "253:7".
std::string kernel_node_of(const std::string& number);

/// Sees to it that node_of(name) leads to that device: udev is told to make no link. `not_found` if there is no node.
sdk::Result<void> ensure_node(const std::string& name);

/// Takes node_of(name) away. Gone already is success.
sdk::Result<void> forget_node(const std::string& name);

/// Lets the user's VMM open the device. It is the kernel's node that he is given, and never one that could outlive the device
/// and be another's by its number. udev leaves the owner as it is, unless a rule of the host names one.
sdk::Result<void> give_node(const std::string& name, uid_t user);

}  // namespace banger::dm::device
