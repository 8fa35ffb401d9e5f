// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "banger/sdk/host.hpp"

namespace banger::catalog {

/// Where a bundle is and what it must be.
struct BundleFile {
    std::string path;
    std::string digest;  ///< sha256:…
    std::uint64_t most_bytes = 0;  ///< that its members may have together, holes too
};

/// What may be in a bundle beside manifest.json; anything else is refused by name.
struct BundleMembers {
    std::vector<std::string> disks;  ///< whole file systems
    std::vector<std::string> files = {};
    std::string tree = {};  ///< what the names of further files begin with, such as "modules/"; empty: there are none
};

struct UnpackedBundle {
    std::string manifest;
    std::set<std::string> members;  ///< names of all
};

/// Unpacks a tar archive (pax), compressed with zstd, into `directory`, holes as holes, while its digest is taken. On error
/// nothing of it stays there. Errors: corrupt, naming the bundle, for another digest, for anything but regular files of those
/// names once each, for one without a manifest, and for what is damaged or cut; invalid for more than allowed; cancelled;
/// those of writing.
sdk::Result<UnpackedBundle> unpack(const BundleFile& bundle, const BundleMembers& members, const std::string& directory,
                                   sdk::Call& call);

/// Takes away again what was unpacked.
void remove_unpacked(const UnpackedBundle& unpacked, const std::string& directory);

/// `corrupt`: what is wrong with the bundle.
sdk::Error wrong_bundle(const BundleFile& bundle, const std::string& why);

}  // namespace banger::catalog
