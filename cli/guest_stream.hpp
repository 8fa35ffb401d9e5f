// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "banger/sdk/os/fd.hpp"
#include "cli/exit.hpp"
#include "cli/signals.hpp"

namespace banger::cli {

/// The user's side of a command in a guest.
struct StandardStreams {
    int in = 0;
    int out = 1;
    int err = 2;
    std::function<void(std::size_t)> on_bytes = {};  ///< told of each piece of `in` and `out` as it passes; may be empty
};

/// How a stream of what runs on without us differs from that of a command.
struct StreamRules {
    std::function<bool(std::string& typed)> on_typed = {};  ///< may change what goes to the guest; true leaves the stream
    bool stop_leaves = false;  ///< a signal that asks us to stop leaves the stream, and goes to nobody
    std::function<void(std::uint64_t bytes)> on_gap = {};  ///< told of each place where output is missing
};

/// The stream was left as on_typed wished.
struct LeftStream {};

/// How a command in a guest came to its end, as seen from here: its own status, 0 for a request that is done; a signal that
/// made us leave it, or a wish to; or an error that is not the command's.
using StreamEnd = std::variant<GuestExit, SignalExit, LeftStream, sdk::Error>;

/// Connects the user's streams and signals with a command in a guest, until it ends.
///
/// `stream` carries frames (guest/protocol/frames.hpp). Reads standard input no further ahead than one frame that the
/// stream has not taken; with no descriptor `in` (-1) none is read. With `tty`, standard input is a raw terminal (see RawTerminal) meanwhile and its resizes are
/// passed on. Signals that ask us to stop go to the command; somebody who insists (three times the same;
/// twice for TERM) leaves it, and so does HUP. A reader of standard output who went away ends it all, with SIGPIPE.
StreamEnd run_stream(sdk::os::UniqueFd stream, const StandardStreams& streams, bool tty, Signals& signals,
                     const StreamRules& rules = {});

}  // namespace banger::cli
