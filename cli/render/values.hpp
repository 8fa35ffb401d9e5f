// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/model/json.hpp"

namespace banger::cli {

/// A member as a person reads it: text as it is, numbers and truth values in words, anything else as JSON. Empty where
/// it is missing or null.
std::string value_text(const json::Value& object, std::string_view key);
std::string value_text(const json::Value& value);

}  // namespace banger::cli
