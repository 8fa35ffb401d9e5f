// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "installation.hpp"

namespace banger::firecracker {

/// What is wrong with a request to a Firecracker of this version by its published API description
/// (src/firecracker/swagger/firecracker.yaml). tests/golden/firecracker_api has what those of some versions say of the requests
/// that we send; the newest of them that is no newer than `version` counts. Empty: nothing.
std::string complaint(const Version& version, const std::string& verb, const std::string& path, const std::string& body);

}  // namespace banger::firecracker
