// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

namespace banger::cli {

/// How banger itself fared.
enum class OwnExit {
    done = 0,
    failed = 1,
    usage = 2,             ///< the command line is wrong; nothing was tried
    command_failed = 125,  ///< banger failed where the status belongs to the guest's command
};

/// How a command in the guest ended: its exit status, or 128 + the signal that killed it. Passed on untouched.
struct GuestExit {
    int status = 0;
};

/// A signal ended banger. It undoes what it must and then dies of that signal, so that a shell that waits for it knows.
struct SignalExit {
    int signal = 0;
};

using Exit = std::variant<OwnExit, GuestExit, SignalExit>;

}  // namespace banger::cli
