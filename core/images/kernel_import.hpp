// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/kernel_source.hpp"
#include "core/images/catalogue.hpp"
#include "core/images/linked_call.hpp"

namespace banger::images {

inline constexpr const char* kernel_file = "vmlinux";
inline constexpr const char* modules_layer = "modules.ext4";
inline constexpr const char* modules_folder = "modules";
inline constexpr const char* configuration_file = "config";

struct ImportedKernel {
    std::string release;  ///< as uname -r prints it
    std::string command_line;
    bool has_modules = false;
    sdk::Fields facts;  ///< the source's, and pvh=true|false
};

/// Has the source fetch a kernel, checks it, and leaves in `directory` the vmlinux, its configuration if anybody knows it, a
/// read-only disk with all modules (no journal, everything root's), unless the source finished that itself, and the few
/// modules that an initramfs may need; all of it synced and read-only.
/// Nothing else of what the source left stays. On error files may be left in the directory.
sdk::Result<ImportedKernel> import_kernel(const CatalogueEntry& entry, const std::string& id, sdk::KernelSource& source,
                                          const std::string& directory, LinkedCall& call);

}  // namespace banger::images
