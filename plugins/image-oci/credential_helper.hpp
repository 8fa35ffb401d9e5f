// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/host.hpp"

namespace banger::oci {

/// "user:password" for a server from the program docker-credential-NAME (docs.docker.com, "Credential helpers"): it gets the
/// server's name and says a JSON object. Nothing if it has none; a helper that is missing or fails is a warning of the call.
std::optional<std::string> ask_credential_helper(const std::string& name, const std::string& server, sdk::Call& call);

}  // namespace banger::oci
