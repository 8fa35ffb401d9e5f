// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::plugins {

/// What a plugin offers under which name.
struct CapabilityName {
    std::string kind;  ///< "storage/0"
    std::string name;  ///< "file"

    friend auto operator<=>(const CapabilityName&, const CapabilityName&) = default;
};

/// What `<name>.plugin.json` says about the library beside it.
struct Sidecar {
    std::string id;  ///< a DNS label, such as "storage-file"
    std::string version;
    std::string api;  ///< "0.1"
    std::vector<CapabilityName> capabilities;
    /// Its providers need root: who is not root loads nothing of it, and asks the root helper if there is one.
    bool needs_root = false;
    std::string config_schema;  ///< JSON Schema text (draft 4, as RapidJSON has it)
};

/// Reads and checks a sidecar of at most 1 MiB. `invalid` names the file and what is wrong in it.
[[nodiscard]] sdk::Result<Sidecar> read_sidecar(const std::string& path);
/// The same from text, for which `path` is only a name.
[[nodiscard]] sdk::Result<Sidecar> parse_sidecar(std::string_view text, const std::string& path);

/// The interface version of this banger, as a sidecar writes it.
[[nodiscard]] std::string host_api();

}  // namespace banger::plugins
