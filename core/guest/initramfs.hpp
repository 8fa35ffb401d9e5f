// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::guest {

/// One kernel module that goes into an initramfs.
struct BootModule {
    std::string path;       ///< as in modules.dep, relative to the version's directory
    int virtio_device = 0;  ///< loaded only where a virtio device of this type is; 0: always
};

/// Picks the modules that a guest needs to reach its host, disks and network, each after those it depends on, from the
/// text of modules.dep (depmod(8)). Those that the kernel has built in are not listed there and not needed.
[[nodiscard]] std::vector<BootModule> modules_to_boot(const std::string& modules_dep);

/// Writes the initramfs that boots the agent: an uncompressed cpio archive (newc; the kernel's
/// Documentation/driver-api/early-userspace/buffer-format.rst) with the agent as /init, the modules below /modules and
/// their order in /modules/order. The same input gives the same bytes. `modules_dir` holds `<version>/modules.dep` and
/// the modules, plain or compressed. Replaces `out` as a whole. Errors: not_found, corrupt, those of writing.
[[nodiscard]] sdk::Result<void> build_initramfs(const std::filesystem::path& modules_dir, const std::string& version,
                                                const std::filesystem::path& agent, const std::filesystem::path& out);

}  // namespace banger::guest
