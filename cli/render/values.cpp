// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/values.hpp"

namespace banger::cli {

std::string value_text(const json::Value& value)
{
    if (value.IsNull())
        return {};
    if (value.IsString())
        return {value.GetString(), value.GetStringLength()};
    if (value.IsBool())
        return value.GetBool() ? "yes" : "no";
    return json::to_text(value);
}

std::string value_text(const json::Value& object, std::string_view key)
{
    const json::Value* value = json::find(object, key);
    return value == nullptr ? std::string() : value_text(*value);
}

}  // namespace banger::cli
