// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/kernel_source.hpp"
#include "bundle_reader.hpp"

namespace banger::catalog {

/// Unpacks an image's bundle into `directory`: exactly manifest.json, rootfs.ext4 and work.ext4. What it says of itself (the
/// manifest's facts). Errors: as of `unpack`; corrupt also for one that has not all of them, or whose manifest is none.
sdk::Result<sdk::Fields> unpack_bundle(const BundleFile& bundle, const std::string& directory, sdk::Call& call);

/// Unpacks a kernel's bundle: manifest.json, config and vmlinux; if its manifest says that it has modules also modules.ext4
/// and below modules/RELEASE/ those that an initramfs may need, with a modules.dep. Errors: the same.
sdk::Result<sdk::KernelBundle> unpack_kernel_bundle(const BundleFile& bundle, const std::string& directory, sdk::Call& call);

}  // namespace banger::catalog
