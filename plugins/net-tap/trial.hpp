// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::tap {

/// Whether this kernel has what links need, and lets us: a bridge, a tap on it and the firewall's tables are made, in a
/// network namespace that is gone when this returns. Its error says what is missing.
sdk::Result<void> try_elsewhere(const std::string& instance);

}  // namespace banger::tap
