// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <optional>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::cli {

/// The signals that a person or a system stops banger with, the terminal's resize and the continuation of a stopped job
/// as events on a descriptor (signalfd(2)) instead of interruptions. While an object lives they have no other effect.
class Signals {
public:
    static sdk::Result<Signals> take();
    Signals(Signals&&) = default;
    Signals& operator=(Signals&&) = delete;
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals();

    [[nodiscard]] int descriptor() const { return descriptor_.get(); }

    /// Those that came since; never blocks.
    std::vector<int> read();

    /// The last of those read that asks banger to stop, for who looks later than who read it: one that comes in a call's
    /// last moment is passed on to what has ended by then.
    [[nodiscard]] std::optional<int> stop_seen() const { return stop_seen_; }

    /// Whether it asks banger to stop: INT, TERM, HUP, QUIT.
    static bool asks_to_stop(int signal);

private:
    Signals(sdk::os::UniqueFd descriptor, const sigset_t& before) : descriptor_(std::move(descriptor)), before_(before)
    {
    }

    sdk::os::UniqueFd descriptor_;
    sigset_t before_;
    std::optional<int> stop_seen_;
};

/// Ends this process by that signal, as if it had never been caught.
[[noreturn]] void die_of(int signal);

}  // namespace banger::cli
