// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

/// Where systemd has put a process, from its /proc/PID/cgroup (cgroups(7)): the path of a control group, whose parts are units
/// such as "/user.slice/user-1000.slice/session-2.scope". It is in the line of version 2, or in the hierarchy that systemd
/// keeps for itself beside version 1.
namespace banger::base {

/// Empty if no line is systemd's.
[[nodiscard]] std::string group_in(std::string_view cgroup_file);

/// Of a process that is there: `not_found` if it is not.
[[nodiscard]] sdk::Result<std::string> group_of(pid_t pid);

/// The innermost service that a group is in: what is in it ends with that (systemd.kill(5), KillMode=control-group). Not a
/// user's own manager, which outlives what it runs.
[[nodiscard]] std::optional<std::string> service_in(std::string_view group);

/// Whether a user's own service manager has made the group, and so could make others beside it.
[[nodiscard]] bool is_of_users_manager(std::string_view group, uid_t user);

/// Whether it is a user's, as logind has his sessions below "/user.slice/user-1000.slice/", and not his manager's.
[[nodiscard]] bool is_of_users_session(std::string_view group, uid_t user);

}  // namespace banger::base
