// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config/paths.hpp"

namespace banger::cli {

/// Ends a daemon that has the state but that nobody can reach any more, because its socket's file was removed: SIGTERM,
/// and waits until it is gone. Call it when connecting failed.
///
/// False, and nothing is done, unless the process that the lock file names is ours, a bangerd, and by its environment
/// has our runtime directory: one with another can be reached there, and is left alone. `timed-out` if it does not go.
sdk::Result<bool> stop_unreachable_daemon(const config::Paths& paths);

}  // namespace banger::cli
