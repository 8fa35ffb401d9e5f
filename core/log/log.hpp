// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"

/// The daemon's log. Library code returns errors; the operation boundary logs each failure once.
namespace banger::log {

/// Sends lines to standard error, from `least` on. Called once, by a program's main.
void start(sdk::LogLevel least);

/// One line: control characters are written as "\x0a".
void write(sdk::LogLevel level, std::string_view message);

inline void debug(std::string_view message) { write(sdk::LogLevel::debug, message); }
inline void info(std::string_view message) { write(sdk::LogLevel::info, message); }
inline void warning(std::string_view message) { write(sdk::LogLevel::warning, message); }
inline void error(std::string_view message) { write(sdk::LogLevel::error, message); }

}  // namespace banger::log
