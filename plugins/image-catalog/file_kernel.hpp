// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/kernel_source.hpp"

namespace banger::plugin_json {
class ObjectReader;
}

namespace banger::catalog {

/// A kernel in files of this host.
struct KernelFiles {
    std::string path;     ///< a vmlinux or a bzImage; absolute
    std::string modules;  ///< a directory; empty: it needs none
    std::string config;   ///< empty: it is in the kernel, or beside it
    std::string command_line;
};

/// Reads {"path", "modules", "config", "command_line"} ("stamp" only tells a changed file from the one before it); complains
/// of what is wrong.
KernelFiles read_kernel_files(plugin_json::ObjectReader& recipe);

/// Copies it into the request's directory. Errors: corrupt for what is no kernel, invalid where nobody says how it is
/// configured, not_found without its modules; cancelled.
sdk::Result<sdk::KernelBundle> copy_kernel(KernelFiles files, const sdk::KernelRequest& request, sdk::Call& call);

}  // namespace banger::catalog
