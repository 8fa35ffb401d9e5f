// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "cli/arguments.hpp"
#include "cli/commands/spec_options.hpp"

namespace banger::cli {

inline constexpr std::uint64_t default_stop_timeout_s = 30;

/// How long a guest has for powering off: of `vm stop` and `vm restart`.
Option stop_timeout_option();

/// In seconds, rounded up. `invalid` for what is no time.
sdk::Result<std::uint64_t> parse_stop_timeout(const Arguments& arguments);

/// A verb that is machines and that time.
template <class Verb>
sdk::Result<Verb> parse_stopping(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    auto timeout_s = parse_stop_timeout(arguments);
    if (!timeout_s)
        return std::move(timeout_s).error();
    return Verb{std::move(*vms), *timeout_s};
}

}  // namespace banger::cli
