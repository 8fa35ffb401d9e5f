// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::oci {

/// Whether an archive holds an image (an OCI layout, or what `docker save` writes) and not a root file system: its first
/// name tells. Errors: corrupt for what is no archive.
sdk::Result<bool> holds_image(const std::string& path);

/// Whether a directory looks like a root file system, and not like any other that somebody is in.
bool is_root(const std::string& directory);

/// Writes the tree below a directory as one archive: every kind of file, hard links, owners, modes, extended attributes.
/// What belongs to us is root's in it, unless we are root: a tree that an ordinary user unpacked could be nobody else's.
/// Errors: cancelled; those of reading and writing.
sdk::Result<void> stream_tree(const std::string& directory, int output, sdk::Call& call);

/// Writes an archive as it is, compressed or not, and gives its digest.
sdk::Result<std::string> stream_archive(const std::string& path, int output, sdk::Call& call);

}  // namespace banger::oci
