// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::dm {

/// `no_space` if less than the reserve is free on the directory's file system.
sdk::Result<void> check_room(const std::string& directory, std::uint64_t reserve_bytes);

}  // namespace banger::dm
