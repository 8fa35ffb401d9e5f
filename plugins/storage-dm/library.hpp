// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

namespace banger::dm {

/// libdevmapper keeps state of its own, without locks: whoever calls it holds this, and nothing else for longer than
/// one request to the kernel. Its messages for a terminal are silenced.
[[nodiscard]] std::unique_lock<std::mutex> lock_library();

}  // namespace banger::dm
