// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::tree {

/// What happened in a tree since somebody asked last. Names are relative to its root.
struct Happened {
    std::set<std::string> names;  ///< of what was made, written, renamed or removed, directories included
    bool everything = false;      ///< more than the kernel remembers: anything may have changed (IN_Q_OVERFLOW)

    [[nodiscard]] bool any() const { return everything || !names.empty(); }
};

/// Watches a tree by inotify(7), directories that are made later too, and no ".git". Symbolic links are not followed.
/// What is made in a new directory before its watch exists is reported with it: `names` has all that is in it.
/// Threads: one.
class Watcher {
public:
    /// `passes` says which directories, by name, are not to be watched; they are reported themselves.
    using Passes = std::function<bool(const std::string& directory)>;

    /// Watches `root` and what is below. Errors: no_space, with what to raise, where the user's watches are used up;
    /// not_found.
    static sdk::Result<Watcher> open(const std::string& root, Passes passes = {});

    [[nodiscard]] int descriptor() const { return inotify_.get(); }

    /// Takes what is there to read; never blocks. Errors: as open, for new directories.
    sdk::Result<void> take(Happened& happened);

    /// Watches one that was passed over, and what is in it, which is reported. Gone already is success. Errors: as open.
    sdk::Result<void> watch(const std::string& directory, Happened& happened) { return add(directory, &happened); }

    /// Stops watching a directory and all below it.
    void forget(const std::string& directory);

    [[nodiscard]] std::size_t directories() const { return names_.size(); }

private:
    Watcher(std::string root, Passes passes, sdk::os::UniqueFd inotify)
        : root_(std::move(root)), passes_(std::move(passes)), inotify_(std::move(inotify))
    {
    }
    sdk::Result<void> add(const std::string& directory, Happened* happened);
    sdk::Result<void> add_below(const std::string& directory, Happened* happened);
    [[nodiscard]] std::string path_of(const std::string& directory) const
    {
        return directory.empty() ? root_ : root_ + "/" + directory;
    }

    std::string root_;
    Passes passes_;
    sdk::os::UniqueFd inotify_;
    std::map<int, std::string> names_;    ///< of directories, by watch
    std::map<std::string, int> watches_;  ///< the reverse
};

}  // namespace banger::tree
