// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/context.hpp"
#include "cli/dns_route.hpp"
#include "cli/forward_spec.hpp"

/// How machines are reached from this host: names and ports.
namespace banger::cli {

struct DnsStatus {
    static Syntax syntax();
    static sdk::Result<DnsStatus> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const DnsStatus& verb, Context& context);

struct DnsRoute {
    enum class Do { print, install, uninstall };
    Do what = Do::print;
    Resolver resolver = Resolver::resolved;
    static Syntax syntax();
    static sdk::Result<DnsRoute> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const DnsRoute& verb, Context& context);

struct VmPorts {
    std::string vm;
    static Syntax syntax();
    static sdk::Result<VmPorts> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmPorts& verb, Context& context);

/// Connects places of this host and of a guest until it is stopped.
struct VmForward {
    std::string vm;
    std::vector<ForwardSpec> forwards;
    static Syntax syntax();
    static sdk::Result<VmForward> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmForward& verb, Context& context);

struct SshConfig {
    bool install = false;
    bool uninstall = false;
    static Syntax syntax();
    static sdk::Result<SshConfig> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const SshConfig& verb, Context& context);

/// What ssh runs to learn a guest's host key: its KnownHostsCommand.
struct VmHostKey {
    std::string host;
    std::string zone;  ///< that the host's name is below; empty: it is a VM's
    static Syntax syntax();
    static sdk::Result<VmHostKey> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmHostKey& verb, Context& context);

}  // namespace banger::cli
