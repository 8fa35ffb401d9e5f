// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/handle.hpp"
#include "banger/sdk/host.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::user {

/// The two processes behind a link, banger-net-filter and passt. Both carry `banger-net-<instance>-<vm>` as one of
/// their arguments, so any later daemon finds them. The filter is the link; passt ends with it.
///
/// A process counts only if it carries the name and runs as us, or as nobody when we are root: a pid from a file is a
/// hint, and somebody else's process is never signalled.

[[nodiscard]] std::string link_name(const sdk::Owner& owner);

[[nodiscard]] sdk::Handle link_handle(const sdk::Owner& owner);
[[nodiscard]] sdk::Handle link_handle(const sdk::Owner& owner, const sdk::os::ProcessId& filter);

/// The living filter of this handle: the bound one, else the one that carries the name.
[[nodiscard]] sdk::Result<std::optional<sdk::os::ProcessId>> find_filter(const sdk::Handle& handle);

/// The pids of all living processes of the link, separated by blanks.
[[nodiscard]] std::string pids_of(const sdk::Owner& owner);

/// Ends both processes and waits until they are gone. None there is success.
[[nodiscard]] sdk::Result<void> end_processes(const sdk::Owner& owner);

/// Every link of this host's instance of which a process lives.
[[nodiscard]] sdk::Result<std::vector<sdk::Handle>> list_links(const sdk::Host& host);

}  // namespace banger::user
