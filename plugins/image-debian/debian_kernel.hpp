// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/kernel_source.hpp"
#include "config.hpp"

namespace banger::debian {

/// kernel/0 "debian": Debian's kernel packages, taken apart. Needs apt and kmod, and no root.
std::unique_ptr<sdk::KernelSource> make_kernel_source(Config config);

}  // namespace banger::debian
