// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/rpc/client.hpp"

namespace banger::cli {

/// Says a line to the person.
using Note = std::function<void(const std::string& line)>;

/// A connection to the daemon. Starts it if none runs; replaces one of another build, or whose configuration has changed
/// since it was read, unless it works for somebody: then speaks to the old one if it can (`busy` if not), and notes that
/// it keeps its settings. Callers at the same moment start one between them.
/// `unavailable` with the daemon's own words if it cannot start.
sdk::Result<rpc::Client> reach_daemon(const Note& note);

/// A connection to the daemon that runs, whatever its build; nothing if none does. Starts nothing.
sdk::Result<std::optional<rpc::Client>> find_daemon();

/// Asks the daemon at the other end to stop, and returns when its process is gone. `busy` with `if_idle` while it
/// carries streams.
sdk::Result<void> stop_daemon(rpc::Client client, bool if_idle);

/// What the daemon says of itself: the result of `daemon.status` (docs/rpc.md).
sdk::Result<json::Document> daemon_status(rpc::Client& client);

}  // namespace banger::cli
