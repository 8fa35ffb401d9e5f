// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::images {

/// Moves a layer that its source finished to its place, read-only and durable. It is looked at no further than its magic
/// number: it is a disk of the guest's, and nothing here mounts it. Errors: corrupt for what is no ext4 file system.
sdk::Result<void> take_finished(const std::string& from, const std::string& to);

}  // namespace banger::images
