// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::base {

using Deadline = std::chrono::steady_clock::time_point;

/// Something that happens once and then stays so, and that poll(2) can wait for together with a cancellation.
/// Threads: any.
class Event {
public:
    /// `unavailable` if the process has no descriptor left.
    [[nodiscard]] static sdk::Result<Event> make();

    void set() const;
    [[nodiscard]] int descriptor() const { return fd_.get(); }  ///< readable once set; never read from it

private:
    explicit Event(sdk::os::UniqueFd fd) : fd_(std::move(fd)) {}
    sdk::os::UniqueFd fd_;
};

enum class Woken { event, cancelled, timed_out };

/// Blocks until the event is set, the call (if any) is cancelled, or the time (if any) has come. A set event wins.
[[nodiscard]] Woken wait(const Event& event, const sdk::Call* call, std::optional<Deadline> until = {});

}  // namespace banger::base
