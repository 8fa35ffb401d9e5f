// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace banger::sdk::testing {

/// Waits until `done`, which depends on what is in the file; or for as long as there is patience.
void wait_for_change(const std::string& path, std::chrono::milliseconds patience, const std::function<bool()>& done);

}  // namespace banger::sdk::testing
