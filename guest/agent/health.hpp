// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace banger::agent {

/// {"uptime_ms","load":[..],"memory":{"total_bytes","available_bytes"},"disks":[{"mount","total_bytes","free_bytes"}],
/// "init"}: how the machine is that this process runs on.
[[nodiscard]] std::string health_json(const std::string& init);

}  // namespace banger::agent
