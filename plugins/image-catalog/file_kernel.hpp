// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/kernel_source.hpp"
#include "options.hpp"

namespace banger::catalog {

/// kernel/0 "catalog": kernels in files of this host ({"path", "modules", "config", "command_line"}; "stamp" only tells a
/// changed file from the one before it). The kernel is a vmlinux or a bzImage; its configuration is in it, or in a file.
std::unique_ptr<sdk::KernelSource> make_kernel_source(Options options);

}  // namespace banger::catalog
