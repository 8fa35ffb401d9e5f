// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/context.hpp"
#include "cli/detach_keys.hpp"
#include "cli/guest_stream.hpp"

/// `banger vm session …`: commands in machines that go on without us (docs/sessions.md).
namespace banger::cli {

struct VmSessionStart {
    std::string vm;
    std::string name;  ///< empty: one is made
    std::vector<std::string> command;
    std::map<std::string, std::string> environment;
    std::string cwd;
    std::string user;
    std::vector<std::string> require;
    std::uint64_t log_bytes = 0;  ///< 0: as much as the agent keeps by default
    bool tty = false;

    static Syntax syntax();
    static sdk::Result<VmSessionStart> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionStart& verb, Context& context);

struct VmSessionList {
    std::vector<std::string> vms;  ///< empty: those that run

    static Syntax syntax();
    static sdk::Result<VmSessionList> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionList& verb, Context& context);

/// One session of one VM.
struct SessionName {
    std::string vm;
    std::string session;
};

struct VmSessionShow {
    SessionName of;

    static Syntax syntax();
    static sdk::Result<VmSessionShow> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionShow& verb, Context& context);

struct VmSessionLogs {
    SessionName of;
    bool follow = false;

    static Syntax syntax();
    static sdk::Result<VmSessionLogs> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionLogs& verb, Context& context);

struct VmSessionAttach {
    SessionName of;
    bool view = false;
    bool steal = false;
    DetachKeys detach_keys;

    static Syntax syntax();
    static sdk::Result<VmSessionAttach> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionAttach& verb, Context& context);

struct VmSessionSend {
    SessionName of;
    std::string text;
    bool from_input = false;  ///< standard input instead of the text
    bool end_input = false;

    static Syntax syntax();
    static sdk::Result<VmSessionSend> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionSend& verb, Context& context);

struct VmSessionStop {
    SessionName of;
    std::uint64_t timeout_s = 10;

    static Syntax syntax();
    static sdk::Result<VmSessionStop> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionStop& verb, Context& context);

struct VmSessionKill {
    SessionName of;
    std::string signal = "KILL";

    static Syntax syntax();
    static sdk::Result<VmSessionKill> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const VmSessionKill& verb, Context& context);

/// The operands that name a session.
std::vector<Operand> session_operands();
sdk::Result<SessionName> parse_session(const Arguments& arguments);

/// Calls a method of docs/rpc.md about one session. Its answer.
sdk::Result<rpc::Reply> call_session(Context& context, const std::string& method, const SessionName& of,
                                     json::Object params = {});

/// A stream of vm.session.attach, in the way `how`.
sdk::Result<sdk::os::UniqueFd> open_session(Context& context, const SessionName& of, const std::string& how,
                                            json::Object params = {});

/// Leaves a stream of a session at a signal, and says where output is missing; `raw`: on a terminal that is raw.
StreamRules session_rules(Context& context, bool raw);

/// Prints what became of a session as JSON, or as "NAME in VM " and those words.
sdk::Result<Exit> show_session(Context& context, const json::Value& session, const std::string& words);

}  // namespace banger::cli
