// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::images {

/// What a machine needs and this kernel does not have, in words with the options that would bring it. `configuration` is the
/// kernel's .config; what is a module in it counts only where the kernel brings modules. Source of the options: the kernel's
/// Kconfig files; of the need: guest/ and core/guest (the initramfs, its modules, the command line).
std::vector<std::string> missing_in(const std::string& configuration, bool has_modules);

/// The configuration that a vmlinux carries in itself (CONFIG_IKCONFIG; the kernel's kernel/configs.c); empty if it has none.
sdk::Result<std::string> configuration_in(const std::string& vmlinux);

}  // namespace banger::images
