// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/arguments.hpp"
#include "cli/workspace/prepare.hpp"
#include "cli/workspace/tooling.hpp"

namespace banger::cli {

/// The options of verbs that take a directory into a guest.
[[nodiscard]] std::vector<Option> workspace_options();

/// What they say, and config.toml where they say nothing. Errors: invalid for what contradicts itself.
[[nodiscard]] sdk::Result<workspace::PrepareOptions> parse_workspace(const Arguments& arguments, std::string path);

/// A machine, and the directory that the verb is about: the one given behind it, or else the one we are in.
struct VmWorkspace {
    std::string vm;
    workspace::PrepareOptions options;
};
[[nodiscard]] sdk::Result<VmWorkspace> parse_vm_workspace(const Arguments& arguments);

/// What config.toml says of installing a repository's programs; whether the guest has a network, which it is not asked
/// about, is by config.toml too.
[[nodiscard]] sdk::Result<workspace::Tooling::Options> tooling_settings();

/// For a command line that names no directory: invalid for an option that is about one.
[[nodiscard]] sdk::Result<void> refuse_workspace_options(const Arguments& arguments);

/// Prints what would go, by name, and does nothing.
[[nodiscard]] sdk::Result<Exit> print_plan(Context& context, const workspace::Preparation& preparation);

}  // namespace banger::cli
