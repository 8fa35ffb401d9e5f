// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace banger::base {

/// RFC 4648, section 4, with padding.
std::string to_base64(std::string_view bytes);

}  // namespace banger::base
