// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/arguments.hpp"
#include "cli/context.hpp"
#include "cli/workspace/export.hpp"
#include "cli/workspace/prepare.hpp"
#include "cli/workspace/sync.hpp"

/// `banger vm workspace …`: a directory of the host in a guest, and what the guest made of it.
namespace banger::cli {

struct WorkspacePrepare {
    std::string vm;
    workspace::PrepareOptions options;
    bool dry_run = false;

    static Syntax syntax();
    static sdk::Result<WorkspacePrepare> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const WorkspacePrepare& verb, Context& context);

struct WorkspaceExport {
    workspace::GuestWorkspace workspace;
    std::string output;      ///< a file; empty: standard output, unless applied
    bool apply = false;
    std::string directory;   ///< where it is applied

    static Syntax syntax();
    static sdk::Result<WorkspaceExport> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const WorkspaceExport& verb, Context& context);

struct WorkspaceStatus {
    workspace::GuestWorkspace workspace;

    static Syntax syntax();
    static sdk::Result<WorkspaceStatus> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const WorkspaceStatus& verb, Context& context);

struct WorkspaceSync {
    workspace::SyncOptions options;
    bool watch = false;
    bool two_way = false;

    static Syntax syntax();
    static sdk::Result<WorkspaceSync> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const WorkspaceSync& verb, Context& context);

}  // namespace banger::cli
