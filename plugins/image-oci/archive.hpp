// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::oci {

/// Unpacks the files of an image archive (a tar of a layout, or `docker save`) below `directory`. Names that leave it
/// are refused, links are left out. Errors: invalid, corrupt, cancelled.
sdk::Result<void> unpack(const std::string& path, const std::string& directory, sdk::Call& call);

}  // namespace banger::oci
