// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"
#include "table.hpp"

/// Device-mapper's devices, one request each (libdevmapper; Documentation/admin-guide/device-mapper).
///
/// Threads: any. Crashes: every request is done or not done; what exists is found by its name.
namespace banger::dm::device {

/// Whether device-mapper can be talked to: `unsupported` without it, `permission` without the right to use it.
sdk::Result<void> check_available();

struct State {
    std::string uuid;
    std::string number;      ///< "253:7"
    bool live = false;       ///< has a table
    bool waiting = false;    ///< has another one that takes its place when it is resumed
    bool suspended = false;
    int openers = 0;         ///< file descriptors, mounts, and tables of other devices
};
/// None if there is no such device.
sdk::Result<std::optional<State>> state_of(const std::string& name);
/// The same; `exists` if it has not our uuid.
sdk::Result<std::optional<State>> own_state_of(const std::string& name);

enum class Access { read_write, read_only };

/// A device without a table. There already is success, if it is ours.
sdk::Result<void> create(const std::string& name);
/// Gives it a table that waits until it is resumed. `corrupt` if a snapshot's cow has not chunks of ours; `unsupported` if the
/// kernel lacks one of its targets.
sdk::Result<void> load(const std::string& name, const Table& table, Access access);
/// Takes a waiting table away. None is success.
sdk::Result<void> forget_waiting(const std::string& name);
/// The waiting table, if there is one, becomes the live one.
sdk::Result<void> resume(const std::string& name);
/// Requests under way are done, later ones wait. File systems of the host are not asked: a VMM has the device open.
sdk::Result<void> suspend(const std::string& name);
/// All three: a device with this table, alive. It is taken away again if that fails.
sdk::Result<void> create_live(const std::string& name, const Table& table, Access access);

/// With the link of its name. Gone already is success; `busy` while somebody has it open.
sdk::Result<void> remove(const std::string& name);
/// Tries that until it is not `busy`, whenever somebody closes the node (may be of nothing) and every few milliseconds, but for
/// no longer than that. `on_wait` is told once if it was.
sdk::Result<void> until_not_busy(const std::function<sdk::Result<void>()>& attempt, const std::string& node,
                                 std::chrono::milliseconds patience, const std::function<void()>& on_wait = {});
/// Removes it, and waits for whoever is just closing it.
sdk::Result<void> remove_once_closed(const std::string& name, std::chrono::milliseconds patience,
                                     const std::function<void()>& on_wait = {});

/// The live table; empty if there is none.
sdk::Result<Table> table_of(const std::string& name);
sdk::Result<SnapshotHealth> health_of(const std::string& name);
/// Names of all devices that begin so.
sdk::Result<std::vector<std::string>> list(const std::string& prefix);

/// The path that a VMM opens.
std::string node_of(const std::string& name);

}  // namespace banger::dm::device
