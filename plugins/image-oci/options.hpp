// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "registry.hpp"

namespace banger::oci {

/// The plugin's section of the configuration.
struct Options {
    std::string platform;              ///< OS/ARCHITECTURE[/VARIANT]
    std::set<std::string> plain_http;  ///< registries, as references name them
    std::map<std::string, std::vector<std::string>> mirrors;  ///< of a registry, as references name both
    blobs::Patience patience;
    std::string cache;  ///< directory of blobs

    /// Where an image may be asked for, in that order: the mirrors of its registry, and the registry.
    [[nodiscard]] std::vector<Reference> places_of(const Reference& reference) const;
    [[nodiscard]] RegistryOptions registry_options(const Reference& reference) const;
};

/// `config` has been validated against the plugin's schema. Errors: invalid.
sdk::Result<Options> read_options(const std::string& config, std::string cache);

}  // namespace banger::oci
