// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"
#include "blobs/retry.hpp"

namespace banger::catalog {

/// A catalogue that config lists.
struct CatalogueSite {
    std::string location;  ///< an address (https) or an absolute path
    std::string key;       ///< of who signs it: an OpenSSH public key, or minisign's
};

/// The plugin's section of the configuration.
struct Options {
    std::vector<CatalogueSite> catalogues;
    std::uint64_t most_bytes = 1ULL << 40;  ///< that a bundle may unpack to
    blobs::Patience patience;
    std::string cache;  ///< the plugin's own directory
};

/// `config` has been validated against the plugin's schema. Errors: invalid.
sdk::Result<Options> read_options(const std::string& config, std::string cache);

}  // namespace banger::catalog
