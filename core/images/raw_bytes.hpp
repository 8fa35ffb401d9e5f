// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <type_traits>

namespace banger::images {

/// Adds a value as it lies in memory.
template <typename T>
void append_raw(std::string& bytes, const T& value)
{
    static_assert(std::is_trivially_copyable_v<T>);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace banger::images
