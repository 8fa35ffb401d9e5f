// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"
#include "core/config/config.hpp"
#include "core/config/setting.hpp"

namespace banger::cli {

/// The longest configuration file that banger reads.
inline constexpr std::size_t most_config_bytes = 1U << 20U;

/// {"key", "value", "origin", "where"}: a setting as `config get -o json` prints it.
json::Object to_json(const config::Setting& setting);

/// What is wrong with the text of a configuration file, by line: what banger itself finds and, if that is nothing, what
/// the plugins say to their sections. The daemon is asked for those, and started if need be; where it cannot be, the
/// error is the result.
sdk::Result<std::vector<config::Problem>> find_problems(Context& context, const std::string& text,
                                                        const std::string& file);

/// The text of a file; empty if there is none.
sdk::Result<std::string> read_config_file(const std::string& file);

/// Puts a text in the file's place, whole or not at all. Makes file and directory if they are missing, for us alone;
/// a file that is there keeps its mode, and a symbolic link leads where it led.
sdk::Result<void> write_config_file(const std::string& file, const std::string& text);

/// Has a daemon that runs read the configuration now; none is started. An error of the new settings is the result.
sdk::Result<void> apply_config(Context& context);

}  // namespace banger::cli
