// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "cli/workspace/repository.hpp"
#include "guest/tree/stamp.hpp"
#include "guest/tree/watcher.hpp"

namespace banger::workspace {

/// The files of a repository that git considers, checked-out submodules' included, as they come and go. Names are
/// relative to its root. A plain directory has all of its files.
class WorkingTree {
public:
    /// Errors: those of find_repository.
    static sdk::Result<WorkingTree> open(const std::string& path, bool tracked_only, int interrupt);

    [[nodiscard]] const Repository& repository() const { return repositories_.at(""); }
    [[nodiscard]] const std::string& root() const { return repository().root; }
    [[nodiscard]] int directory() const { return directory_.get(); }
    void set_interrupt(int interrupt) { interrupt_ = interrupt; }

    /// All of them now: tracked ones, and untracked ones that are not ignored unless only tracked ones count.
    sdk::Result<std::set<std::string>> names();

    /// Of these names, those that git considers though they are new to it. One question to git for all of them.
    sdk::Result<std::set<std::string>> considered(const std::set<std::string>& names);

    /// Of these directories, here or elsewhere, those that git does not pass over as a whole. Errors: as considered.
    sdk::Result<std::set<std::string>> entered(const std::set<std::string>& directories) const;

    /// Begins to watch, or begins again. What git ignores is not watched.
    sdk::Result<void> watch();
    /// Readable when something happened (poll(2)); of the files, and of git's own state.
    [[nodiscard]] int files_descriptor() const { return watcher_->descriptor(); }
    [[nodiscard]] int git_descriptor() const { return git_state_.get(); }
    /// Takes what happened so far. `everything` also when what git considers may be different now: another HEAD, another
    /// list of ignored files, an ignored file that is tracked all the same (git add -f) or no longer.
    sdk::Result<void> take(tree::Happened& happened);

    [[nodiscard]] std::optional<tree::Stamp> stamp(const std::string& name) const
    {
        return tree::settled_stamp_of(directory_.get(), name);
    }
    /// Of one without a stamp: whether it may be there all the same, in a directory that we may not enter.
    [[nodiscard]] bool is_out_of_sight(const std::string& name) const
    {
        return tree::is_out_of_sight(directory_.get(), name);
    }
    [[nodiscard]] bool is_directory(const std::string& name) const;

private:
    sdk::Result<void> list(const std::string& prefix, const Repository& repository, std::set<std::string>& names);
    sdk::Result<void> find_ignored(const std::string& prefix, const Repository& repository);
    void watch_git_state();
    void take_git_state(tree::Happened& happened);
    [[nodiscard]] sdk::Result<std::set<std::string>> forced() const;
    sdk::Result<std::set<std::string>> not_ignored(const std::string& prefix, std::set<std::string> names);
    [[nodiscard]] bool passes(const std::string& directory) const;
    /// git refuses to say anything of such a name.
    [[nodiscard]] bool is_behind_link(const std::string& name) const;
    [[nodiscard]] const std::string* repository_of(const std::string& name) const;
    /// Names by the repository that says something of them, relative to it.
    [[nodiscard]] std::map<std::string, std::set<std::string>> questions_of(const std::set<std::string>& names) const;

    std::map<std::string, Repository> repositories_;  ///< by where they are; the top one at ""
    bool tracked_only_ = false;
    int interrupt_ = -1;
    sdk::os::UniqueFd directory_;
    std::set<std::string> hollow_;   ///< submodules that are not checked out: git says nothing of what is in them
    std::set<std::string> ignored_;  ///< directories
    std::set<std::string> forced_;   ///< files that are tracked though they are ignored
    std::optional<tree::Watcher> watcher_;
    sdk::os::UniqueFd git_state_;
};

}  // namespace banger::workspace
