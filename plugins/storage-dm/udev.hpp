// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

struct dm_task;

namespace banger::dm {

/// What udev is told of during one verb, and waited for once, at its end: never while a device is suspended. udev is told
/// to run no rules of its own on our devices: what is on them is a guest's, and nobody of the host should look for file
/// systems there. Where no udev runs, or it does not answer, nobody waits, and device nodes are made by the library.
///
/// Threads: one.
class UdevEvents {
public:
    UdevEvents() = default;
    UdevEvents(const UdevEvents&) = delete;
    UdevEvents& operator=(const UdevEvents&) = delete;
    ~UdevEvents() { settle(); }

    /// Only for tasks that the kernel announces: to resume or to remove a device that has a table. The caller holds the
    /// library's lock (device.cpp). False if that fails.
    bool announce(dm_task* task);
    /// Waits until udev is done with all of them, a few seconds at most.
    void settle();

private:
    std::uint32_t cookie_ = 0;
};

}  // namespace banger::dm
