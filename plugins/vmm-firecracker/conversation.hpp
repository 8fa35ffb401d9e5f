// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api.hpp"
#include "banger/sdk/handle.hpp"
#include "banger/sdk/vmm_process.hpp"

namespace banger::firecracker {

/// A conversation with the Firecracker of a machine that lives. Threads: one.
class Conversation {
public:
    /// `not_found` if the machine does not live.
    static sdk::Result<Conversation> with(const sdk::VmmProcess& process, const sdk::Handle& machine,
                                          const ApiLimits& limits);

    sdk::Result<void> tell(const Request& request);
    sdk::Result<MachineState> state();

    /// Its processors stand still, and what they had asked of its disks is done.
    sdk::Result<void> pause();
    /// They run again. Done already is success. With a Firecracker of 1.16 sessions of the guest's agent end by that (page 41).
    sdk::Result<void> resume();

    /// Other limits from here on.
    void limit(const ApiLimits& limits) { limits_ = limits; }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    Conversation(Api api, pid_t pid, const ApiLimits& limits) : api_(std::move(api)), pid_(pid), limits_(limits) {}

    Api api_;
    pid_t pid_;
    ApiLimits limits_;
};

}  // namespace banger::firecracker
