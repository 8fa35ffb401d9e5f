// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::images {

/// What a source has downloaded and keeps, so that it need not ask for it again (sdk::ImageSource).
struct Download {
    std::string path;
    std::uint64_t bytes = 0;  ///< allocated on disk
};

/// The downloads that nobody works on now, below a directory with one directory for each plugin.
[[nodiscard]] sdk::Result<std::vector<Download>> idle_downloads(const std::string& plugin_cache);

/// Removes one, unless somebody began to work on it; the bytes that this freed.
[[nodiscard]] sdk::Result<std::uint64_t> remove_download(const Download& download);

}  // namespace banger::images
