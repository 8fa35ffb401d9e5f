// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::sdk {

struct KernelRequest {
    std::string name;
    std::string recipe;     ///< JSON text that this source understands, from the catalogue
    std::string directory;  ///< empty private directory that receives the result
};

/// Paths are relative to the request's directory.
struct KernelBundle {
    std::string version;       ///< as `uname -r` prints it
    std::string vmlinux;       ///< uncompressed ELF
    std::string modules;       ///< a directory that holds `<version>/modules.dep` and the modules; empty if none
    std::string command_line;  ///< what this kernel wants beside banger's own words
    Fields facts;              ///< package, package_version, digest
    std::string configuration = {};  ///< its .config, so that core can say what it lacks; empty: not known
    /// All modules, as a finished, read-only ext4 file system; then `modules` holds only those that an initramfs may need.
    std::string modules_disk = {};
};

/// kernel/0: bootable kernels.
/// Crashes: writes only below the request's directory.
class KernelSource : public Provider {
public:
    /// Fetches and unpacks the kernel. Blocks for a minute or more; honours `call.cancelled()` within a second.
    [[nodiscard]] virtual Result<KernelBundle> fetch(const KernelRequest& request, Call& call) = 0;
};

}  // namespace banger::sdk
