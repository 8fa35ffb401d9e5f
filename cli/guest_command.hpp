// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/context.hpp"

namespace banger::cli {

/// A command to run in a guest, connected with this process's standard streams.
struct GuestCommand {
    std::string vm;
    std::vector<std::string> argv;  ///< empty: the user's login shell
    std::map<std::string, std::string> environment;
    std::string cwd;   ///< empty: the user's home
    std::string user;  ///< empty: root
    bool tty = false;
};

/// A terminal in the guest makes sense where a person is at both ends of the command here.
bool wants_tty();

/// Runs it to its end through the daemon. The guest's status is a GuestExit; an error is banger's own.
sdk::Result<Exit> run_in_guest(Context& context, const GuestCommand& command);

/// A shell in the VM, in `directory` (empty: the home): over ssh where the image has sshd and `use_ssh`, else through the agent. Where standard input is
/// no terminal the shell reads its commands from it.
sdk::Result<Exit> open_shell(Context& context, const std::string& vm, const std::string& directory, bool use_ssh);

}  // namespace banger::cli
