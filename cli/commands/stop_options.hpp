// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cli/arguments.hpp"

namespace banger::cli {

inline constexpr std::uint64_t default_stop_timeout_s = 30;

/// How long a guest has for powering off: of `vm stop` and `vm restart`.
Option stop_timeout_option();

/// In seconds, rounded up. `invalid` for what is no time.
sdk::Result<std::uint64_t> parse_stop_timeout(const Arguments& arguments);

}  // namespace banger::cli
