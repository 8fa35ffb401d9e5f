// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/workspace/guest_tree.hpp"
#include "cli/workspace/sync_plan.hpp"
#include "cli/workspace/working_tree.hpp"

namespace banger::workspace {

struct SyncOptions {
    std::string vm;
    std::string path;  ///< here
    std::string guest_path;
    bool tracked_only = false;
    std::optional<sdk::Error> problem;  ///< with the configuration; said before anything is done
};

/// What one round changed, by name. The last three are of a sync in both directions.
struct Synced {
    std::vector<std::string> sent;
    std::vector<std::string> removed;
    std::vector<std::string> received;
    std::vector<std::string> removed_here;
    std::vector<std::string> conflicts;  ///< changed on both sides: both versions are kept
    [[nodiscard]] bool any() const
    {
        return !(sent.empty() && removed.empty() && received.empty() && removed_here.empty() && conflicts.empty());
    }
};

/// Who hears of a sync that goes on.
struct SyncListener {
    std::function<void()> on_ready;                ///< whatever happens from now on will be seen
    std::function<void(const Synced&)> on_round;   ///< of a round that changed something
};

/// Brings the host's changes to a workspace in a guest. What counts as a change is what differs from the last time: the
/// guest keeps the host's stamps of the files that it got (sync_record), so that what only the guest changed, or only
/// the guest has, stays. Where both changed a file the host's goes.
/// Threads: one. Stays where it is: the watch refers to it.
class Sync {
public:
    Sync(cli::Context& context, SyncOptions options)
        : context_(context),
          options_(std::move(options)),
          there_(context, options_.vm, options_.guest_path)
    {
    }
    Sync(const Sync&) = delete;
    Sync& operator=(const Sync&) = delete;

    /// Looks at both sides. Errors: those of find_repository and GuestTree::read_record.
    sdk::Result<void> begin();

    /// One round over all files.
    sdk::Result<Synced> all();

    /// Goes on with what changes here until a signal asks us to stop, which it returns. Errors: those of follow().
    sdk::Result<int> go_on(const SyncListener& listener);

private:
    sdk::Result<Synced> some(const tree::Happened& happened);
    sdk::Result<Synced> carry_out(SyncPlan plan);
    sdk::Result<void> remove(const std::vector<std::string>& names);
    sdk::Result<std::vector<std::string>> send(const std::vector<std::string>& names, bool with_record);

    cli::Context& context_;
    SyncOptions options_;
    GuestTree there_;
    std::optional<WorkingTree> here_;
    tree::Stamps agreed_;
    bool record_is_old_ = false;
};

}  // namespace banger::workspace
