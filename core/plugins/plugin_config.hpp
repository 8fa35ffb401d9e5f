// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"
#include "core/config/config.hpp"
#include "core/plugins/sidecar.hpp"

namespace banger::plugins {

/// A plugin's configuration as its factories get it: the section's JSON with every default of the schema filled in, at
/// every depth, then validated. No section is an empty one. `invalid` begins with file and line of the setting at fault
/// (or of the section) and names the setting; a plugin whose own defaults are wrong is `plugin`.
[[nodiscard]] sdk::Result<std::string> complete_config(const Sidecar& sidecar, const config::PluginSection& section);

}  // namespace banger::plugins
