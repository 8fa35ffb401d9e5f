// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "banger/sdk/handle.hpp"

/// Reading what providers say of handles, and what is bound under them.
namespace banger::lifecycle {

/// Whether a fact has that value; not if there is none of that name.
[[nodiscard]] inline bool fact_is(const sdk::Fields& facts, const std::string& key, std::string_view value)
{
    const auto found = facts.find(key);
    return found != facts.end() && found->second == value;
}

/// A fact that is a whole number; nothing for any other text, or none.
template <typename Number>
std::optional<Number> number_in(const sdk::Fields& facts, const std::string& key)
{
    const auto found = facts.find(key);
    if (found == facts.end())
        return std::nullopt;
    const std::string& text = found->second;
    Number number{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
        return std::nullopt;
    return number;
}

}  // namespace banger::lifecycle
