// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace banger::oci {

/// "user:password" for a registry from the files of Podman and Docker, in their order: $REGISTRY_AUTH_FILE,
/// $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, $DOCKER_CONFIG or ~/.docker/config.json.
/// Source: containers-auth.json(5).
std::optional<std::string> credentials_for(const std::string& registry);

/// The same from one file's text.
std::optional<std::string> credentials_in(const std::string& text, const std::string& registry);

}  // namespace banger::oci
