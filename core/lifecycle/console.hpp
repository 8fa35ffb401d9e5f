// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::lifecycle {

/// Name of a VM's console log in its directory; the boot before is kept beside it as `console.log.1`.
inline constexpr const char* console_log = "console.log";

/// Makes room for a new boot's console.
sdk::Result<void> keep_last_console(const std::string& vm_directory);

/// The last lines of the console, printable: at most 24 lines, which a panic with its trace fills, of 200 bytes. Empty if it has none.
std::string console_tail(const std::string& vm_directory);

}  // namespace banger::lifecycle
