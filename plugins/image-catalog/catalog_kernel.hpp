// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/kernel_source.hpp"
#include "options.hpp"

namespace banger::catalog {

/// kernel/0 "catalog": kernels from bundles (bundle_recipe.hpp), and in files of this host (file_kernel.hpp).
std::unique_ptr<sdk::KernelSource> make_kernel_source(Options options);

}  // namespace banger::catalog
