// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>

#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm_session.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "core/base/sizes.hpp"
#include "guest/protocol/session_messages.hpp"

namespace banger::cli {
namespace {

constexpr std::uint64_t least_log = 64UL * 1024;
constexpr std::uint64_t most_log = 1UL << 30U;

sdk::Result<std::uint64_t> parse_log_size(const Arguments& arguments)
{
    const auto text = arguments.value("log-size");
    if (!text)
        return std::uint64_t{0};
    auto bytes = base::parse_size("--log-size", *text);
    if (bytes && (*bytes < least_log || *bytes > most_log))
        return sdk::make_error(sdk::Code::invalid, "--log-size cannot be " + quoted(*text) + ": it is 64K to 1G",
                               "such as --log-size 16M");
    return bytes;
}

}  // namespace

Syntax VmSessionStart::syntax()
{
    Syntax syntax;
    syntax.path = "vm session start";
    syntax.summary = "start a command that goes on without us";
    syntax.description =
        "The command and those it requires, and the directory, are looked for first. What it writes is kept in the "
        "machine, the newest of it, and shown by `attach` and `logs`. It survives this program and the daemon, but not "
        "the machine's stop.";
    syntax.operands = {{"VM"}};
    syntax.tail = Syntax::Tail::required;
    syntax.options = {{"name", 0, "NAME", "its name in that machine; made of the command's if left out", {}, false},
                      {"tty", 't', "", "give it a terminal", {}, false},
                      environment_option(),
                      {"cwd", 'w', "DIRECTORY", "where it starts; the user's home if left out", {}, false},
                      {"user", 'u', "USER", "who runs it: a name, or UID[:GID]; root if left out", {}, false},
                      {"require", 'r', "COMMAND", "a command that must be there; may be repeated", {}, true},
                      {"log-size", 0, "SIZE", "how much of its output is kept; 4M if left out", {}, false}};
    syntax.examples = {
        {"banger vm session start --name build --cwd repo web -- make -j4", "a long build"},
        {"banger vm session start --tty --require psql web -- bash", "a shell to come back to"},
        {"banger vm session start -o json web -- ./server | jq -r .name", "what it is called"}};
    return syntax;
}

sdk::Result<VmSessionStart> VmSessionStart::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    auto environment = parse_environment(arguments);
    if (!environment)
        return std::move(environment).error();
    auto log_bytes = parse_log_size(arguments);
    if (!log_bytes)
        return std::move(log_bytes).error();
    VmSessionStart verb;
    verb.vm = std::move(vms->front());
    verb.name = arguments.value("name").value_or("");
    if (const auto checked = agent::check_session_name(verb.name); arguments.has("name") && !checked)
        return sdk::make_error(sdk::Code::invalid, "--name cannot be " + quoted(verb.name) + ": " +
                                                       checked.error().message,
                               checked.error().hint);
    verb.command = arguments.tail();
    verb.environment = std::move(*environment);
    verb.cwd = arguments.value("cwd").value_or("");
    verb.user = arguments.value("user").value_or("");
    verb.require = arguments.values("require");
    for (const auto& command : verb.require)
        if (command.empty())
            return sdk::make_error(sdk::Code::invalid, "--require needs the name of a command",
                                   "such as --require make");
    verb.log_bytes = *log_bytes;
    verb.tty = arguments.has("tty");
    return verb;
}

sdk::Result<Exit> run(const VmSessionStart& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("vm", verb.vm).set("name", verb.name).set("argv", verb.command);
    params.set("environment", verb.environment).set("cwd", verb.cwd).set("user", verb.user);
    params.set("require", verb.require).set("log_bytes", verb.log_bytes).set("tty", verb.tty);
    if (verb.tty) {
        const auto size = terminal_size(STDOUT_FILENO);
        params.set("cols", static_cast<unsigned>(size.columns)).set("rows", static_cast<unsigned>(size.rows));
        const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
        params.set("term", term != nullptr ? term : "");
    }
    auto started = (*session)->call("vm.session.start", params);
    if (!started)
        return std::move(started).error();
    if (const auto problem = json::string_or(started->result, "log_problem"); !problem.empty())
        context.note("warning: only " + base::format_size(json::uint_or(started->result, "log_bytes")) +
                     " of its output are kept, in the machine's memory: " + printable(problem));
    return show_session(context, started->result, "is started");
}

}  // namespace banger::cli
