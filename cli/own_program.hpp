// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// The absolute path of this program: proc(5), /proc/self/exe.
sdk::Result<std::string> own_program();

}  // namespace banger::cli
