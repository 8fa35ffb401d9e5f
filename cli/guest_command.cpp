// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/guest_command.hpp"

#include <unistd.h>

#include <cstdlib>

#include "cli/guest_stream.hpp"
#include "cli/ssh.hpp"
#include "cli/terminal.hpp"

namespace banger::cli {
namespace {

json::Object params_of(const GuestCommand& command)
{
    json::Object params;
    params.set("vm", command.vm).set("argv", command.argv).set("environment", command.environment);
    params.set("cwd", command.cwd).set("user", command.user).set("tty", command.tty);
    if (!command.tty)
        return params;
    const auto size = terminal_size(is_terminal(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO);
    params.set("cols", static_cast<unsigned>(size.columns)).set("rows", static_cast<unsigned>(size.rows));
    const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    params.set("term", term != nullptr ? term : "");
    return params;
}

struct AsExit {
    sdk::Result<Exit> operator()(const GuestExit& exit) const { return Exit(exit); }
    sdk::Result<Exit> operator()(const SignalExit& exit) const { return Exit(exit); }
    sdk::Result<Exit> operator()(const LeftStream& /*left*/) const { return Exit(OwnExit::done); }
    sdk::Result<Exit> operator()(const sdk::Error& error) const { return error; }
};

}  // namespace

bool wants_tty()
{
    return is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
}

sdk::Result<Exit> run_in_guest(Context& context, const GuestCommand& command)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto reply = (*session)->call("vm.exec", params_of(command));
    if (!reply)
        return std::move(reply).error();
    if (reply->descriptors.empty())
        return sdk::make_error(sdk::Code::internal, "the daemon sent no stream for the command");
    const auto end = run_stream(std::move(reply->descriptors.front()), {}, command.tty, (*session)->signals());
    return std::visit(AsExit{}, end);
}

sdk::Result<Exit> open_shell(Context& context, const std::string& vm, const std::string& directory, bool use_ssh)
{
    GuestCommand shell;
    shell.vm = vm;
    shell.cwd = directory;
    shell.tty = wants_tty();
    if (!use_ssh || !is_terminal(STDIN_FILENO))
        return run_in_guest(context, shell);
    auto way = find_ssh(context, vm);
    if (!way)
        return std::move(way).error();
    if (!way->has_sshd)
        return run_in_guest(context, shell);
    way->directory = directory;
    return run_ssh(context, *way, {});
}

}  // namespace banger::cli
