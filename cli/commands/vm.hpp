// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/context.hpp"
#include "cli/workspace/prepare.hpp"
#include "cli/workspace/tooling.hpp"
#include "core/model/vm.hpp"

/// `banger vm …`: each verb's command line as a value, how it is read, and what it does (cli/commands/vm_<verb>.cpp).
/// parse: `invalid` for what cannot be right on any machine; nothing was tried then.
namespace banger::cli {

struct VmRun {
    model::VmSpec spec;
    bool detach = false;
    std::vector<std::string> command;  ///< empty: the image's own program, or an interactive shell
    std::optional<std::string> entrypoint;  ///< instead of the image's, with `command` as its arguments
    std::optional<workspace::PrepareOptions> workspace;
    std::optional<workspace::Tooling::Options> tooling;  ///< unless it is not wanted
    bool dry_run = false;

    static Syntax syntax();
    static sdk::Result<VmRun> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmRun& verb, Context& context);

struct VmCreate {
    model::VmSpec spec;
    bool start = true;

    static Syntax syntax();
    static sdk::Result<VmCreate> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmCreate& verb, Context& context);

struct VmStart {
    std::vector<std::string> vms;

    static Syntax syntax();
    static sdk::Result<VmStart> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmStart& verb, Context& context);

struct VmStop {
    std::vector<std::string> vms;
    std::uint64_t timeout_s = 30;

    static Syntax syntax();
    static sdk::Result<VmStop> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmStop& verb, Context& context);

struct VmRestart {
    std::vector<std::string> vms;
    std::uint64_t timeout_s = 30;

    static Syntax syntax();
    static sdk::Result<VmRestart> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmRestart& verb, Context& context);

struct VmSet {
    std::vector<std::string> vms;
    std::optional<std::uint64_t> vcpus;
    std::optional<std::uint64_t> memory_mib;
    std::optional<std::uint64_t> disk_bytes;

    static Syntax syntax();
    static sdk::Result<VmSet> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSet& verb, Context& context);

struct VmKill {
    std::vector<std::string> vms;
    std::string signal = "KILL";

    static Syntax syntax();
    static sdk::Result<VmKill> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmKill& verb, Context& context);

struct VmDelete {
    std::vector<std::string> vms;
    bool force = false;

    static Syntax syntax();
    static sdk::Result<VmDelete> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmDelete& verb, Context& context);

struct VmList {
    static Syntax syntax();
    static sdk::Result<VmList> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmList& verb, Context& context);

struct VmStats {
    std::vector<std::string> vms;  ///< empty: those that run
    bool watch = false;
    std::chrono::milliseconds interval{1000};

    static Syntax syntax();
    static sdk::Result<VmStats> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmStats& verb, Context& context);

struct VmHealth {
    std::vector<std::string> vms;

    static Syntax syntax();
    static sdk::Result<VmHealth> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmHealth& verb, Context& context);

struct VmPrune {
    std::optional<std::chrono::milliseconds> stale;  ///< only those not started for that long
    bool force = false;
    bool dry_run = false;

    static Syntax syntax();
    static sdk::Result<VmPrune> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmPrune& verb, Context& context);

struct VmShow {
    std::string vm;
    bool handles = false;

    static Syntax syntax();
    static sdk::Result<VmShow> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmShow& verb, Context& context);

struct VmSsh {
    std::string vm;
    std::vector<std::string> words;  ///< for ssh, after the destination

    static Syntax syntax();
    static sdk::Result<VmSsh> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSsh& verb, Context& context);

struct VmExec {
    enum class Terminal { automatic, always };

    std::string vm;
    std::vector<std::string> command;
    std::map<std::string, std::string> environment;
    std::string cwd;
    std::string user;
    Terminal terminal = Terminal::automatic;

    static Syntax syntax();
    static sdk::Result<VmExec> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmExec& verb, Context& context);

/// Files into a guest or out of it.
struct VmCp {
    struct Place {
        std::string vm;    ///< empty: here
        std::string path;  ///< "-" here: a standard stream
    };
    Place from;
    Place to;
    std::string user;

    static Syntax syntax();
    static sdk::Result<VmCp> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmCp& verb, Context& context);

struct VmLogs {
    std::string vm;
    bool follow = false;

    static Syntax syntax();
    static sdk::Result<VmLogs> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmLogs& verb, Context& context);

struct VmRecover {
    bool replace_database = false;

    static Syntax syntax();
    static sdk::Result<VmRecover> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmRecover& verb, Context& context);

/// What ssh runs to reach a guest: its ProxyCommand.
struct VmProxy {
    std::string vm;
    std::uint16_t port = 0;
    std::string report;  ///< file for how it failed, instead of standard error; empty: none

    static Syntax syntax();
    static sdk::Result<VmProxy> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmProxy& verb, Context& context);

}  // namespace banger::cli
