// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "command_line.hpp"
#include "qmp.hpp"

namespace banger::qemu {

/// How far a migration is, which is also how QEMU saves and loads a machine (MigrationInfo of qapi/migration.json).
struct Migration {
    std::string status = "none";    ///< "active", "pre-switchover", "device", "completed", "failed", "cancelled", ...
    std::string problem;            ///< why it failed, in QEMU's words
    std::uint64_t passes = 0;       ///< how often it collected what the guest had written
    std::uint64_t remaining = 0;    ///< bytes that are known to be left

    [[nodiscard]] bool under_way() const
    {
        return status != "none" && status != "completed" && status != "failed" && status != "cancelled";
    }
};

/// One conversation with a machine that lives, through its QEMU's monitor, which serves one at a time. Every exchange is
/// bounded, by a patience for each and by the limits of the whole: `timed_out`, or `cancelled`, after which an answer may
/// still come, and is skipped. Threads: one.
class Monitor {
public:
    /// `not_found` if the machine does not live.
    static sdk::Result<Monitor> of(const sdk::VmmProcess& process, const sdk::Handle& machine,
                                   const QmpLimits& limits = {});
    /// Over its API socket.
    static sdk::Result<Monitor> over(sdk::os::UniqueFd socket, std::chrono::milliseconds patience,
                                     const QmpLimits& limits = {});

    /// Other limits from here on: to undo what was cancelled.
    void limit(const QmpLimits& limits) { limits_ = limits; }

    /// A command's answer as JSON text.
    sdk::Result<std::string> ask(std::string_view command, const std::string& arguments = {});
    sdk::Result<void> tell(std::string_view command, const std::string& arguments = {});
    sdk::Result<void> give(int descriptor, const std::string& name);

    /// Whether its processors run.
    sdk::Result<bool> runs();
    /// "running", "paused", "postmigrate", ... (RunState of qapi/run-state.json), but for the moment after the end of a
    /// migration in which it is none of these: that is waited for.
    sdk::Result<std::string> run_state();
    /// What the machine runs on, and the version of the QEMU that is this process.
    sdk::Result<Accelerator> accelerator();
    sdk::Result<std::string> version();
    /// Bytes of the machine's memory.
    sdk::Result<std::uint64_t> memory();

    sdk::Result<Migration> migration();
    /// Until it is in the wanted status; an error if it ends otherwise. `on_pass` is told of each pass over the memory.
    /// For events, their capability must be on.
    sdk::Result<void> wait_for_migration(const std::string& wanted,
                                         const std::function<sdk::Result<void>(const Migration&)>& on_pass = {});
    /// Gives up the migration that is under way, if one is.
    sdk::Result<void> give_up_migration();

private:
    Monitor(Qmp qmp, std::chrono::milliseconds patience, const QmpLimits& limits)
        : qmp_(std::move(qmp)), patience_(patience), limits_(limits)
    {
    }
    [[nodiscard]] QmpLimits of_one_exchange() const;

    Qmp qmp_;
    std::chrono::milliseconds patience_;
    QmpLimits limits_;
};

}  // namespace banger::qemu
