// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace banger::debian {

// What words may look like. All of them are also harmless in a command line, a file of apt and a path.
bool is_package_name(const std::string& text);   ///< Debian policy, section 5.6.1
bool is_suite_name(const std::string& text);     ///< also of a component: letters, digits, '-', '.', '_'
bool is_unit_name(const std::string& text);      ///< systemd.unit(5), DESCRIPTION
bool is_absolute_path(const std::string& text);  ///< no "." or ".." or empty part, no control character, not "/"

}  // namespace banger::debian
