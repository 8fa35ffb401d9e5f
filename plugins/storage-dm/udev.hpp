// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

struct dm_task;

namespace banger::dm {

/// For a task that the kernel announces, which are those to resume or to remove a device that has a table: udev is told to run
/// none of its rules on the device, and to leave its name to us (device_node.hpp). What is on it is a guest's, and nobody of
/// the host should look for file systems there. Nobody waits for udev, so it is all the same whether there is one.
///
/// The caller holds the library's lock. False if that fails.
bool keep_udev_off(dm_task* task);

}  // namespace banger::dm
