// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::base {

/// "0.4 s", "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h": two parts at most, rounded down. Negative is "0 s".
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

/// A person's duration: a whole number with ms, s, m (or min), h or d; a number alone is seconds. `what` is the subject
/// of the error, such as "--timeout". `invalid` for anything else, negative or above ten years.
[[nodiscard]] sdk::Result<std::chrono::milliseconds> parse_duration(std::string_view what, std::string_view text);

}  // namespace banger::base
