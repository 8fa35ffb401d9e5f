// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "banger/sdk/storage.hpp"

namespace banger::sdk {

/// What every storage/0 provider asks of a disk before it makes or changes one, so that a user reads the same words of all.

/// `invalid` unless the length is one that disks have.
[[nodiscard]] Result<void> check_length(const DiskSpec& spec);

/// The same, and that the disk is no shorter than its layer.
[[nodiscard]] Result<void> check_covers_layer(const DiskSpec& spec);

/// `corrupt` unless what was found at the layer's path is as long as the spec says.
[[nodiscard]] Result<void> check_layer_length(const DiskSpec& spec, const Layer& found);

/// `busy` if somebody has the disk's file open for writing, where its file system can tell (os::is_written). Whoever is
/// just closing it is waited for that long: a loop device lets go of its file a moment after the last who had it open, say
/// udev, which looks at every new one.
[[nodiscard]] Result<void> check_unused(const std::string& path, const std::string& role,
                                        std::chrono::milliseconds patience = std::chrono::milliseconds(0));

/// Facts for Storage::inspect of a disk's file: `allocated_bytes` and `apparent_bytes`; none if it is not there.
[[nodiscard]] Fields size_facts(const std::string& path);

}  // namespace banger::sdk
