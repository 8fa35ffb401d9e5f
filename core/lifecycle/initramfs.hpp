// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// Path of the initramfs that boots this kernel with this build's agent; made on first use, kept in the cache.
sdk::Result<std::string> initramfs_for(Engine& engine, const images::Kernel& kernel, Operation& operation);

}  // namespace banger::lifecycle
