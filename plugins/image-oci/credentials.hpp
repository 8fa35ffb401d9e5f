// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/host.hpp"

namespace banger::oci {

/// "user:password" for a repository of a registry from the files of Podman and Docker, in their order: $REGISTRY_AUTH_FILE,
/// $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, $DOCKER_CONFIG or ~/.docker/config.json. In each
/// the registry's own helper (credHelpers) comes first, then what is in the file, of it the entry of the longest namespace, then its
/// common helper (credsStore). Identity tokens, which are to be exchanged for others, are not taken.
/// Source: containers-auth.json(5).
std::optional<std::string> credentials_for(const std::string& registry, const std::string& repository, sdk::Call& call);

/// What one file's text says: "user:password", or the helper that knows it (credential_helper.hpp).
struct StoredCredentials {
    std::optional<std::string> password;
    std::string helper;
};
StoredCredentials credentials_in(const std::string& text, const std::string& registry, const std::string& repository);

}  // namespace banger::oci
