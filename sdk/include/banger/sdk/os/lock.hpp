// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// Waits until nobody else has the file locked, in whichever process, and locks it (flock(2)) until the last descriptor of
/// the open file is closed. `cancelled` once `cancel_descriptor` is readable (see Call::cancel_descriptor; -1: none): the
/// open file may then still get its lock, and keeps it until it is closed and its turn has come.
Result<void> lock_file(int file, const std::string& path, int cancel_descriptor);

}  // namespace banger::sdk::os
