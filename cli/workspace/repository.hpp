// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::workspace {

/// A directory of the user's that is to go into a guest: the working tree of a git repository, or a plain directory.
struct Repository {
    std::string root;    ///< absolute; the top of the working tree
    bool is_git = true;
    std::string git_directory;     ///< absolute; of this working tree, which may be one of several
    std::string common_directory;  ///< absolute; where the objects are
    std::string head;              ///< the commit; empty where there is none yet
    std::string branch;            ///< empty: HEAD is detached
};

/// The repository that `path` lies in; a directory in none is a plain one. Errors: not_found and invalid for what is no
/// directory or has no working tree, and what git says of repositories that it does not trust.
[[nodiscard]] sdk::Result<Repository> find_repository(const std::string& path, int interrupt);

/// Which files of it go, relative to its root. Names are bytes. Those of a plain directory are untracked ones.
struct FileList {
    std::vector<std::string> tracked;
    std::vector<std::string> untracked;   ///< and not ignored
    std::vector<std::string> submodules;  ///< those that are checked out
    std::vector<std::string> hollow;      ///< the others, which are empty directories
    std::vector<std::string> sparse;      ///< of the tracked ones, those that a sparse checkout leaves out
    std::vector<std::string> special;     ///< sockets, FIFOs and devices beside them, not ignored; they do not go
    std::vector<std::string> nested;      ///< repositories inside that are no submodules; they do not go

    /// Of the untracked ones, those whose name says that they hold a secret.
    [[nodiscard]] std::vector<std::string> secrets() const;
};
/// Errors: permission for a directory that may not be read, and git's.
[[nodiscard]] sdk::Result<FileList> files_of(const Repository& repository, bool tracked_only, int interrupt);

/// Those of one of its commits: tracked ones, and submodules as hollow directories. Errors: git's.
[[nodiscard]] sdk::Result<FileList> files_at(const Repository& repository, const std::string& commit, int interrupt);

/// A name that keys, passwords and the like usually have. `path` may have directories.
[[nodiscard]] bool looks_secret(const std::string& path);

}  // namespace banger::workspace
