// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_writer.hpp"

namespace banger::images {

struct TreeOptions {
    bool keep_owner = false;   ///< else everything is root's
    bool keep_xattrs = false;  ///< user, security and trusted attributes and ACLs, as far as the caller may read them
};

/// Puts the directory `directory` with all below it into the writer, as its root. Modes, times, hard links and holes
/// are kept; entries come in the order of their names, so the same tree gives the same file system. Stays on the
/// tree it was given: links are copied, not followed. The tree must not change meanwhile.
/// Errors: those of the operating system, with the path, and of the writer.
sdk::Result<void> write_tree(Ext4Writer& writer, const std::string& directory, const TreeOptions& options = {});

}  // namespace banger::images
