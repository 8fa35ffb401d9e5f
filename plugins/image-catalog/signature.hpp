// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::catalog {

/// The name that OpenSSH signatures of catalogues carry (ssh-keygen(1), -n): they are good for nothing else.
inline constexpr const char* signature_namespace = "banger-catalogue";

/// What stands behind a catalogue's location where its signature is, for this kind of key. Errors: invalid for a key of
/// neither kind.
sdk::Result<std::string> signature_suffix(const std::string& key);

/// Checks `text` with the system's tool: `ssh-keygen -Y verify` or minisign. `scratch` is a directory for its files.
/// Errors: permission if nobody with this key signed it; not_found without the tool.
sdk::Result<void> verify(const std::string& text, const std::string& signature, const std::string& key,
                         const std::string& scratch, sdk::Call& call);

}  // namespace banger::catalog
