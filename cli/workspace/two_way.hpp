// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "cli/temporary_directory.hpp"
#include "cli/workspace/conflicts.hpp"
#include "cli/workspace/sync.hpp"
#include "cli/workspace/two_way_plan.hpp"

namespace banger::workspace {

using cli::TemporaryDirectory;

/// Brings changes of a workspace from the host to a guest and back. What both sides agreed on is in memory; it begins
/// with the record of what went to the guest (sync_record), where the open conflicts are kept as well.
///
/// A file that changed on both sides since is a conflict, unless both are the same by now: the host's stays, the guest's
/// is put beside it as NAME.guest-conflict, and neither overwrites the other until that file is gone; then the host's
/// goes, unless the guest's changed once more. So is a file where the other side has a directory, with all that is in it. Files from the guest are only those that git considers, have no way out
/// of the repository or into a git directory. On neither side goes a file over one that changed there in the same moment.
/// Threads: one. Stays where it is: the watch refers to it.
class TwoWaySync {
public:
    TwoWaySync(cli::Context& context, SyncOptions options)
        : context_(context),
          options_(std::move(options)),
          there_(context, options_.vm, options_.guest_path)
    {
    }
    TwoWaySync(const TwoWaySync&) = delete;
    TwoWaySync& operator=(const TwoWaySync&) = delete;

    /// Looks at both sides. Errors: those of Sync::begin; precondition where one of them is no repository.
    sdk::Result<void> begin();
    sdk::Result<Synced> all();
    sdk::Result<int> go_on(const SyncListener& listener);

private:
    sdk::Result<Synced> some(const tree::Happened& here, const tree::Happened& there);
    sdk::Result<Synced> round(std::set<std::string> candidates, const tree::Stamps& there);
    sdk::Result<tree::Stamps> survey();
    sdk::Result<std::set<std::string>> enter(const std::set<std::string>& directories);
    [[nodiscard]] std::string news_for_watch();
    sdk::Result<void> leave_out_what_git_ignores(std::set<std::string>& candidates);
    sdk::Result<void> forget_conflicts_of_others(const std::set<std::string>& listed);
    sdk::Result<void> forget_agreements_of_others(const std::set<std::string>& listed, const tree::Stamps& there);
    void settle_conflicts(std::set<std::string>& candidates);
    sdk::Result<void> remove_there(const std::vector<std::string>& names, const std::map<std::string, Sides>& sides,
                                   Synced& synced);
    sdk::Result<void> remove_here(const std::vector<std::string>& names);
    sdk::Result<void> receive(const std::vector<std::string>& names, const std::map<std::string, Sides>& sides,
                              Synced& synced);
    sdk::Result<void> compare(const std::vector<std::string>& names, const std::map<std::string, Sides>& sides,
                              Synced& synced);
    sdk::Result<void> keep_both(const std::string& name, const std::string& theirs);
    sdk::Result<void> keep_apart(const std::map<std::string, std::vector<std::string>>& collisions,
                                 const std::map<std::string, Sides>& sides, Synced& synced);
    [[nodiscard]] std::string in_the_way_here(const std::string& name) const;
    sdk::Result<void> fetch_into(const TemporaryDirectory& place, const std::vector<std::string>& names);
    sdk::Result<std::vector<std::string>> send(const std::vector<std::string>& names,
                                               const std::map<std::string, Sides>& sides, bool with_record);
    void stays_there(const std::string& name, Agreement agreement);

    cli::Context& context_;
    SyncOptions options_;
    GuestTree there_;
    std::optional<WorkingTree> here_;
    Agreements agreed_;
    Conflicts conflicts_;
    std::set<std::string> entered_;   ///< directories there that count, for the watch
    std::set<std::string> watched_;   ///< those that it was told of
    bool record_is_old_ = false;
};

}  // namespace banger::workspace
