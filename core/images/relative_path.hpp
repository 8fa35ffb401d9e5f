// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace banger::images {

/// A path that names something below the directory it is relative to, as far as its text goes.
inline bool stays_inside(std::string_view path)
{
    return !path.empty() && path.front() != '/' && path.find('\0') == std::string_view::npos &&
           ("/" + std::string(path) + "/").find("/../") == std::string::npos;
}

}  // namespace banger::images
