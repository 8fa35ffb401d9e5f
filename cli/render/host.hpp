// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/model/json.hpp"

/// Plugins, settings, the daemon and its checks for people. `columns` is the width of the terminal, 0 for no limit.
namespace banger::cli {

std::string plugin_table(const json::Value& list, std::size_t columns);
std::string plugin_page(const json::Value& plugin, std::size_t columns);
std::string config_table(const json::Value& config, std::size_t columns);
std::string daemon_page(const json::Value& status, std::size_t columns);
std::string doctor_page(const json::Value& result, std::size_t columns, bool colour);
std::string helper_page(const json::Value& helper, std::size_t columns);
std::string audit_page(const json::Value& result, std::size_t columns);

}  // namespace banger::cli
