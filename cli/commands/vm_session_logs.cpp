// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/vm_session.hpp"

namespace banger::cli {
namespace {

struct AsExitOfLogs {
    sdk::Result<Exit> operator()(const GuestExit& /*of the session*/) const { return Exit(OwnExit::done); }
    sdk::Result<Exit> operator()(const SignalExit& exit) const { return Exit(exit); }
    sdk::Result<Exit> operator()(const LeftStream& /*left*/) const { return Exit(OwnExit::done); }
    sdk::Result<Exit> operator()(const sdk::Error& error) const { return error; }
};

}  // namespace

Syntax VmSessionLogs::syntax()
{
    Syntax syntax;
    syntax.path = "vm session logs";
    syntax.summary = "what a session has written";
    syntax.description =
        "As much as is kept of it, its two outputs apart; what is missing is said on standard error. Also of one that "
        "has ended.";
    syntax.operands = session_operands();
    syntax.options = {{"follow", 'f', "", "go on with what it writes, until it ends or Ctrl-C", {}, false}};
    syntax.examples = {{"banger vm session logs web build", "so far"},
                       {"banger vm session logs -f web build | grep error", "as it comes"}};
    return syntax;
}

sdk::Result<VmSessionLogs> VmSessionLogs::parse(const Arguments& arguments)
{
    auto of = parse_session(arguments);
    if (!of)
        return std::move(of).error();
    return VmSessionLogs{std::move(*of), arguments.has("follow")};
}

sdk::Result<Exit> run(const VmSessionLogs& verb, Context& context)
{
    auto stream = open_session(context, verb.of, verb.follow ? "view" : "read");
    if (!stream)
        return std::move(stream).error();
    const auto end =
        run_stream(std::move(*stream), {-1}, false, context.session()->signals(), session_rules(context, false));
    return std::visit(AsExitOfLogs{}, end);
}

}  // namespace banger::cli
