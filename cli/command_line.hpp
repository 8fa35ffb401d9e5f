// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/commands/catalogue.hpp"
#include "cli/commands/host.hpp"
#include "cli/commands/reach.hpp"
#include "cli/commands/system.hpp"
#include "cli/commands/vm.hpp"
#include "cli/commands/vm_session.hpp"
#include "cli/commands/workspace.hpp"

namespace banger::cli {

/// A question about banger itself, answered on standard output.
struct Help {
    std::string text;
};

using Command =
    std::variant<Help, VmRun, VmCreate, VmStart, VmStop, VmRestart, VmKill, VmSet, VmDelete, VmPrune, VmList, VmShow,
                 VmStats, VmHealth, VmSsh, VmExec, VmSessionStart, VmSessionList, VmSessionShow, VmSessionLogs,
                 VmSessionAttach, VmSessionSend, VmSessionStop, VmSessionKill, VmCp, VmLogs, VmRecover, VmProxy, VmPorts,
                 VmForward, VmHostKey, SshConfig, DnsStatus,
                 DnsRoute, WorkspacePrepare, WorkspaceExport, WorkspaceStatus, WorkspaceSync, CatalogueList, CatalogueShow,
                 CataloguePull, ImageImport, ImageRegister, ImageBuild, ImageBundle, ImagePublish, ImageCachePrune, KernelImport, CatalogueDelete,
                 PluginList, PluginShow, ConfigShow, ConfigGet, ConfigSet, ConfigValidate, ConfigPath, DaemonStart,
                 DaemonStop, DaemonStatus, DaemonLogs, SystemInstall, SystemStatus, SystemRestart, SystemUninstall, Doctor,
                 Audit, Version>;

/// A whole command line as a value.
struct CommandLine {
    Format format = Format::table;
    Command command;
};

/// Reads the words after the program's name. Looks at nothing else: no file, no daemon.
/// `invalid` with a hint for what is wrong in them.
sdk::Result<CommandLine> parse_command_line(const std::vector<std::string>& words);

/// The format that the words ask for, as far as it can be told from words that are wrong.
Format format_asked_for(const std::vector<std::string>& words);

/// Whether the status that this command ends with is that of a command in the guest.
bool carries_guest_status(const Command& command);

}  // namespace banger::cli
