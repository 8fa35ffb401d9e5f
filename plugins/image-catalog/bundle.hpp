// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/host.hpp"

namespace banger::catalog {

/// The members of an image's bundle: a tar archive (pax), compressed with zstd, of exactly these three regular files.
inline constexpr const char* manifest_member = "manifest.json";
inline constexpr const char* root_member = "rootfs.ext4";
inline constexpr const char* work_member = "work.ext4";

/// Where a bundle is and what it must be.
struct BundleFile {
    std::string path;
    std::string digest;  ///< sha256:…
    std::uint64_t most_bytes = 0;  ///< that its members may have together, holes too
};

/// Unpacks a bundle's file systems into `directory`, holes as holes, while its digest is taken. What it says of itself (the
/// manifest's facts). On error nothing of it stays there. Errors: corrupt, naming the bundle, for another digest, for
/// anything but those members once each, and for what is damaged or cut; invalid for more bytes than allowed; cancelled;
/// those of writing.
sdk::Result<sdk::Fields> unpack_bundle(const BundleFile& bundle, const std::string& directory, sdk::Call& call);

}  // namespace banger::catalog
