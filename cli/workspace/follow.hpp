// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "cli/guest_tool.hpp"
#include "cli/workspace/sync.hpp"
#include "cli/workspace/working_tree.hpp"

namespace banger::workspace {

/// What a sync that goes on is made of.
struct Follower {
    WorkingTree& here;
    /// A tool that runs as long as the guest is there. What it prints are names of files that changed there, each
    /// NUL-terminated; "." stands for all of them.
    cli::ToolCall held;
    std::function<sdk::Result<Synced>(const tree::Happened& here, const tree::Happened& there)> round;
    const SyncListener& listener;
    /// What the tool is to be told on its standard input, asked after each round. Empty function: nothing.
    std::function<std::string()> news_for_held;
    /// The tool was begun anew, and knows nothing.
    std::function<void()> on_held;
};

/// Rounds, the first over everything, until a signal asks us to stop, which it returns. Changes that come together are
/// one round. A daemon that went away is looked for once, and then everything is looked at again. Errors: unavailable
/// and precondition when the guest stopped; those of the rounds.
sdk::Result<int> follow(cli::Context& context, const Follower& follower);

}  // namespace banger::workspace
