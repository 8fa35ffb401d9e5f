// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"

namespace banger::oci {

/// What may come out of an archive: a small one can hold any number of either.
struct ArchiveLimits {
    std::uint64_t entries = UINT64_MAX;
    std::uint64_t bytes = UINT64_MAX;  ///< as long as its files are, holes included
};

/// Whether a name in an archive leads nowhere out of it.
bool stays_inside(std::string_view name);

/// Unpacks the files of an image archive (a tar of a layout, or `docker save`) below `directory` and gives the digest of the
/// archive as it was read. Names that leave it are refused, links are left out. Errors: invalid, also for one beyond a limit,
/// which the hint names as core's settings do; corrupt; cancelled; those of reading and writing.
sdk::Result<std::string> unpack(const std::string& path, const std::string& directory, const ArchiveLimits& limits,
                                sdk::Call& call);

}  // namespace banger::oci
