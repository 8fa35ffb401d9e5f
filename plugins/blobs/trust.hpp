// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace banger::blobs {

/// PEM text of the authorities that the user or the host trusts for one registry ("host:port"): *.crt in the first of
/// ~/.config/containers/certs.d, /etc/containers/certs.d and /etc/docker/certs.d that has a directory for it; nothing if
/// none has. Source: containers-certs.d(5).
std::optional<std::string> authority_for(const std::string& registry);

}  // namespace banger::blobs
