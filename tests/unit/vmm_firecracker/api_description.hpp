// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace banger::firecracker {

/// What is wrong with a request by tests/golden/firecracker_api.json, which has what Firecracker's published API description
/// (src/firecracker/swagger/firecracker.yaml, 1.16.1) says of the requests that we send. Empty: nothing.
std::string complaint(const std::string& verb, const std::string& path, const std::string& body);

}  // namespace banger::firecracker
