// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/paths.hpp"
#include "core/plugins/registry.hpp"

namespace banger::daemon {

/// Where banger's own files are, seen from this program: the same relative places in a build tree and under a prefix.
/// Environment BANGER_AGENT and BANGER_PLUGIN_PATH come first.
sdk::Result<std::string> find_agent_program();
std::vector<std::string> plugin_directories();

plugins::Registry::Settings registry_settings(const config::Paths& paths, const config::Config& config,
                                              const std::string& instance);

}  // namespace banger::daemon
