// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace banger::doctor {

/// The innermost systemd service in whose control group a process is, from its /proc/PID/cgroup (cgroups(7)): what ends
/// with that service (systemd.kill(5), KillMode=control-group). Not a user's own manager, which outlives what it runs.
[[nodiscard]] std::optional<std::string> service_in(std::string_view cgroup_file);

}  // namespace banger::doctor
