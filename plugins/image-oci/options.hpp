// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "registry.hpp"

namespace banger::oci {

/// The plugin's section of the configuration.
struct Options {
    std::string platform;              ///< OS/ARCHITECTURE
    std::set<std::string> plain_http;  ///< registries, as references name them
    Patience patience;
    std::string cache;  ///< directory of blobs

    [[nodiscard]] RegistryOptions registry_options(const Reference& reference) const;
};

/// `config` has been validated against the plugin's schema. Errors: invalid.
sdk::Result<Options> read_options(const std::string& config, std::string cache);

}  // namespace banger::oci
