// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/app.hpp"

#include <unistd.h>

#include "cli/command_line.hpp"

namespace banger::cli {
namespace {

sdk::Result<Exit> run(const Help& help, Context& context)
{
    if (auto printed = context.print(help.text); !printed)
        return std::move(printed).error();
    return Exit(OwnExit::done);
}

Exit exit_of(const sdk::Error& error, const Command& command, Context& context)
{
    // A shell that runs us in a loop stops the loop only for a program that died of the Ctrl-C.
    if (const Session* session = context.session(); session != nullptr && session->interrupted_by())
        if (error.code == sdk::Code::cancelled)
            return SignalExit{*session->interrupted_by()};
    return carries_guest_status(command) ? OwnExit::command_failed : OwnExit::failed;
}

struct Status {
    int operator()(OwnExit exit) const { return static_cast<int>(exit); }
    int operator()(const GuestExit& exit) const { return exit.status; }
    int operator()(const SignalExit& exit) const { die_of(exit.signal); }
};

}  // namespace

Exit run_app(const std::vector<std::string>& words)
{
    auto line = parse_command_line(words);
    if (!line) {
        Context(format_asked_for(words)).report(line.error());
        return OwnExit::usage;
    }
    Context context(line->format);
    auto exit = std::visit([&](const auto& command) { return run(command, context); }, line->command);
    if (exit)
        return *exit;
    context.report(exit.error());
    return exit_of(exit.error(), line->command, context);
}

void leave(const Exit& exit)
{
    ::_exit(std::visit(Status{}, exit));
}

}  // namespace banger::cli
