// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace banger::file_sync {

/// Whether a configuration file of git sets user.<key> (git-config(1), Syntax). Files that it includes are not looked
/// at.
[[nodiscard]] bool sets_user(std::string_view text, std::string_view key);

/// A value as such a file has it, in double quotes.
[[nodiscard]] std::string quoted_value(std::string_view value);

}  // namespace banger::file_sync
