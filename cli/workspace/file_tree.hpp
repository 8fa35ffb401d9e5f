// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::workspace {

/// The files below a directory, looked at as git does: what lies behind a symbolic link is not in the tree.
/// Threads: one.
class FileTree {
public:
    static sdk::Result<FileTree> open(const std::string& root);

    /// What is at `name`, a link as a link; nothing where nothing is, or where a part of the way is no directory. Errors:
    /// permission, naming a directory on the way that we may not enter, and the like of the operating system.
    sdk::Result<std::optional<struct stat>> look(const std::string& name);
    /// Whether we may read what is there.
    bool may_read(const std::string& name);
    [[nodiscard]] int descriptor() const { return root_.get(); }

private:
    explicit FileTree(sdk::os::UniqueFd root) : root_(std::move(root)) {}
    int parent_of(const std::string& name);
    [[nodiscard]] std::string closed_above(const std::string& name) const;

    sdk::os::UniqueFd root_;
    std::string parent_path_;  ///< the last one, as lists are sorted
    sdk::os::UniqueFd parent_;
    int parent_problem_ = 0;  ///< errno of opening it
};

/// What git can keep: the rest has no place in a commit.
[[nodiscard]] bool has_content(const struct stat& status);

}  // namespace banger::workspace
