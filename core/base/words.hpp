// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace banger::base {

/// Words for generated names: short, plain, friendly, lower-case ASCII, and none that is in both lists.
extern const std::span<const std::string_view> adjectives;
extern const std::span<const std::string_view> animals;

}  // namespace banger::base
