// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::qemu {

/// Bounds what is said to QEMU and awaited from it.
struct QmpLimits {
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    int cancel_descriptor = -1;  ///< readable: stop (see sdk::Call::cancel_descriptor)
};

/// Something that happened in QEMU.
struct QmpEvent {
    std::string name;                          ///< such as "MIGRATION"
    std::string data = "{}";                   ///< JSON text
    std::chrono::microseconds when{0};         ///< since 1970, by QEMU
};

/// A client of the QEMU Machine Protocol (docs/interop/qmp-spec.txt of QEMU 7.2): one JSON object per line each way.
/// A command's answer is found by its id; events that come meanwhile are kept for whoever waits for them.
/// Threads: one at a time.
class Qmp {
public:
    /// Takes a connected socket, reads the greeting and leaves capabilities negotiation.
    static sdk::Result<Qmp> open(sdk::os::UniqueFd socket, const QmpLimits& limits);

    /// Runs a command with its arguments (JSON object text; empty: none) and returns what it answers as JSON text.
    /// `unavailable` if QEMU has ended; an error of QEMU's own is `precondition` with its description.
    sdk::Result<std::string> execute(std::string_view command, const QmpLimits& limits,
                                     std::string_view arguments = {});

    /// Gives QEMU a descriptor under a name, for commands that take one ("fd:NAME").
    sdk::Result<void> give(int descriptor, const std::string& name, const QmpLimits& limits);

    /// The next event that came since the connection was opened, taken out.
    sdk::Result<QmpEvent> next_event(const QmpLimits& limits);

private:
    explicit Qmp(sdk::os::UniqueFd socket) : socket_(std::move(socket)) {}

    sdk::Result<std::string> read_line(const QmpLimits& limits);
    sdk::Result<void> send(std::string_view request, int descriptor);
    sdk::Result<std::string> answer_to(unsigned long id, std::string_view command, const QmpLimits& limits);

    sdk::os::UniqueFd socket_;
    std::string received_;
    std::deque<std::string> events_;  // whole lines
    unsigned long next_id_ = 1;
};

}  // namespace banger::qemu
