// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"

namespace banger::cli {

/// How a VM is reached with ssh: the result of `vm.ssh` (docs/rpc.md).
struct SshWay {
    std::string vm;
    std::string user;
    std::string identity;     ///< path of the private key
    std::string known_hosts;  ///< path of a file with this VM's host key only
    std::string host_alias;   ///< the name it has in there
    bool has_sshd = false;
    std::string directory;    ///< where a shell begins; empty: the home
    std::string guest_init = {};  ///< that the machine booted: systemd, openrc, s6, banger, or a path
};

sdk::Result<SshWay> find_ssh(Context& context, const std::string& vm);

/// The command line of the system's ssh client. It reaches the guest through `program vm proxy`, which reports to the file
/// `report` how it failed; trusts exactly the key in known_hosts, and reads no configuration of the user's, whose `Host *`
/// may hold anything.
std::vector<std::string> ssh_command(const SshWay& way, const std::string& program,
                                     const std::vector<std::string>& words, const std::string& report);

/// Runs ssh in the foreground of our terminal until it ends. Its status is the guest's, unless the guest could not be
/// reached, which is an error, or the connection was lost, which is OwnExit::command_failed and ssh has said. What else
/// makes ssh fail, such as a key that is refused, is its 255.
sdk::Result<Exit> run_ssh(Context& context, const SshWay& way, const std::vector<std::string>& words);

}  // namespace banger::cli
