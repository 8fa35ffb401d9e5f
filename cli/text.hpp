// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace banger::cli {

/// The text with control characters (C0, DEL, C1) and bytes that are no UTF-8 replaced by '?', so that it cannot break a line
/// or drive a terminal.
std::string printable(std::string_view text);

/// printable, in single quotes, cut after 80 characters.
std::string quoted(std::string_view text);

/// "a, b or c".
std::string listed(const std::vector<std::string>& words, std::string_view conjunction);

/// How many columns UTF-8 text takes, counting each code point as one.
std::size_t width_of(std::string_view text);

/// The text cut to that many columns, ending in "…" if something is missing.
std::string clipped(std::string_view text, std::size_t columns);

/// Breaks text into lines of at most `columns`, between words; a word longer than that has a line of its own. Line
/// feeds in the text stay.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

/// A word that a POSIX shell reads back as this text.
std::string shell_quoted(std::string_view text);

/// As ssh takes it in commands and paths, where it expands what follows a percent sign (ssh_config(5), TOKENS).
std::string percent_escaped(std::string_view text);

}  // namespace banger::cli
