// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "installation.hpp"

namespace banger::firecracker {

/// What is wrong with a request to a Firecracker of this version by its published API description
/// (src/firecracker/swagger/firecracker.yaml). tests/golden/firecracker_api has what those of some versions say of the requests
/// that we send, and of their answers; the newest of them that is no newer than `version` counts. Empty: nothing.
///
/// Each is from firecracker.yaml of that tag: of each such operation the schema of its body (null: none), of GET / that of its
/// 200, and Error, as JSON with each $ref replaced by what it names, without descriptions, formats and defaults, and
/// with "additionalProperties": false in each object, for Firecracker refuses what it does not know.
std::string complaint(const Version& version, const std::string& verb, const std::string& path, const std::string& body);

/// The same of the answer to a request. What no answer is described of has none: 204, without a body.
std::string complaint_of_answer(const Version& version, const std::string& verb, const std::string& path, int status,
                                const std::string& body);

/// All that a machine's `state` may be, by the same description.
std::vector<std::string> states_of(const Version& version);

}  // namespace banger::firecracker
