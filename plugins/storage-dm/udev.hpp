// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

struct dm_task;

namespace banger::dm {

/// What udev is told of during one verb. It is told to run no rules of its own on our devices: what is on them is a guest's,
/// and nobody of the host should look for file systems there. Where no udev runs, or it does not answer, nobody waits, and
/// device nodes are made by the library.
///
/// Threads: one.
class UdevEvents {
public:
    enum class Wait {
        once,   ///< at the end of the verb, never while a device is suspended
        never,  ///< whoever makes a device sees to the link of its name (ensure_node)
    };

    explicit UdevEvents(Wait wait = Wait::once) : wait_(wait) {}
    UdevEvents(const UdevEvents&) = delete;
    UdevEvents& operator=(const UdevEvents&) = delete;
    ~UdevEvents() { settle(); }

    /// Only for tasks that the kernel announces: to resume or to remove a device that has a table. The caller holds the
    /// library's lock (device.cpp). False if that fails.
    bool announce(dm_task* task);
    /// Waits until udev is done with all of them, a few seconds at most, if it is to be waited for.
    void settle();

private:
    Wait wait_;
    std::uint32_t cookie_ = 0;
};

}  // namespace banger::dm
