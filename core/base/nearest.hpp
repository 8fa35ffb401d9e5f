// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace banger::base {

/// How many insertions, deletions, replacements and swaps of neighbours turn one word into the other, where no part is
/// edited twice (the "optimal string alignment" form of Damerau-Levenshtein). Letter case does not count.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known word that somebody most likely meant, if one is near enough to be worth saying: at most a third of the
/// longer word differs, or one is the beginning of the other. The first of equals.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known);

/// A hint for an unknown word: "did you mean 'x'?", or what there is if nothing is near, or nothing if there is
/// nothing.
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string> known);

}  // namespace banger::base
