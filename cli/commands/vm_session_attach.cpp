// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>

#include "cli/commands/vm_session.hpp"
#include "cli/render/session.hpp"
#include "cli/replayed_queries.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

/// What is said, and with what we end, once the stream has.
class Attached {
public:
    Attached(const VmSessionAttach& verb, Context& context) : verb_(verb), context_(context) {}

    sdk::Result<Exit> operator()(const GuestExit& exit) const
    {
        if (auto shown = call_session(context_, "vm.session.show", verb_.of); shown)
            context_.note("session " + quoted(verb_.of.session) + " " + how_it_is(shown->result));
        return Exit(exit);
    }
    sdk::Result<Exit> operator()(const SignalExit& exit) const
    {
        return exit.signal == SIGINT ? left() : Exit(exit);
    }
    sdk::Result<Exit> operator()(const LeftStream& /*left*/) const { return left(); }
    sdk::Result<Exit> operator()(const sdk::Error& error) const { return error; }

private:
    [[nodiscard]] Exit left() const
    {
        context_.note("session " + quoted(verb_.of.session) + " goes on without us");
        return OwnExit::done;
    }

    const VmSessionAttach& verb_;
    Context& context_;
};

/// What a program on the screen may have changed of the terminal, and restores when it ends itself ("XTerm Control Sequences", DEC
/// private modes): cursor and keypad keys, mouse, focus and paste reports, the alternate screen, the cursor, colours. Not 1049, which
/// would move the cursor also where there was no other screen.
constexpr std::string_view usual_modes =
    "\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[?1047l\x1b[?25h\x1b[0m";

void drop_answers_to(ReplayedQueries& queries, StreamRules& rules)
{
    rules.on_output = [&queries](std::uint64_t bytes) { queries.shown(bytes); };
    rules.on_gap = [&queries, said = rules.on_gap](std::uint64_t bytes) {
        queries.shown(bytes);
        said(bytes);
    };
    rules.on_typed = [&queries, then = rules.on_typed](std::string& typed) {
        queries.drop_answers(typed);
        return then(typed);
    };
}

}  // namespace

Syntax VmSessionAttach::syntax()
{
    Syntax syntax;
    syntax.path = "vm session attach";
    syntax.summary = "see what a session writes, and write to it";
    syntax.description =
        "What is kept of its output comes first. One person at a time has its input, and loses it to whoever comes with "
        "--steal; with --view up to 32 watch. The detach keys leave it running, as Ctrl-C does where it has no "
        "terminal of its own; the end of standard input is not passed on. When it ends its exit status becomes banger's "
        "own; a failure of banger itself is 125.";
    syntax.operands = session_operands();
    syntax.options = {{"view", 0, "", "output only, beside others", {}, false},
                      {"steal", 0, "", "from whoever is attached, who is told", {}, false},
                      {"detach-keys",
                       0,
                       "KEYS",
                       "what leaves it: " + std::string(DetachKeys::by_default) + " if left out; '' for nothing",
                       {},
                       false}};
    syntax.examples = {{"banger vm session attach web build", "take it over"},
                       {"banger vm session attach --view web build", "watch somebody else's"},
                       {"banger vm session attach --steal web shell", "of a terminal that was left open elsewhere"},
                       {"banger vm session attach --detach-keys ctrl-a,d web shell", "with other keys"}};
    return syntax;
}

sdk::Result<VmSessionAttach> VmSessionAttach::parse(const Arguments& arguments)
{
    auto of = parse_session(arguments);
    if (!of)
        return std::move(of).error();
    auto keys = DetachKeys::parse(arguments.value("detach-keys").value_or(std::string(DetachKeys::by_default)));
    if (!keys)
        return std::move(keys).error();
    if (arguments.has("view") && arguments.has("steal"))
        return sdk::make_error(sdk::Code::invalid, "--steal does not go with --view", "who only watches is in nobody's way");
    return VmSessionAttach{std::move(*of), arguments.has("view"), arguments.has("steal"), std::move(*keys)};
}

sdk::Result<Exit> run(const VmSessionAttach& verb, Context& context)
{
    auto shown = call_session(context, "vm.session.show", verb.of);
    if (!shown)
        return std::move(shown).error();
    const bool runs = json::string_or(shown->result, "state") == "running";
    const bool writes = runs && !verb.view;
    const bool raw = writes && json::bool_or(shown->result, "tty") && is_terminal(STDIN_FILENO);
    json::Object params;
    params.set("steal", verb.steal);
    if (raw) {
        const auto size = terminal_size(is_terminal(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO);
        params.set("cols", static_cast<unsigned>(size.columns)).set("rows", static_cast<unsigned>(size.rows));
    }
    auto stream = open_session(context, verb.of, verb.view ? "view" : "control", std::move(params));
    if (!stream)
        return std::move(stream).error();
    auto rules = session_rules(context, raw);
    if (writes && is_terminal(STDIN_FILENO))
        rules.on_typed = [keys = verb.detach_keys](std::string& typed) mutable { return keys.pressed(typed); };
    ReplayedQueries queries(json::uint_or(shown->result, "written_bytes"));
    bool any_output = false;
    if (raw) {
        drop_answers_to(queries, rules);
        rules.on_output = [&any_output, then = rules.on_output](std::uint64_t bytes) {
            any_output = true;
            then(bytes);
        };
    }
    const auto end = run_stream(std::move(*stream), {writes ? STDIN_FILENO : -1}, raw, context.session()->signals(), rules);
    if (raw && (any_output || !std::holds_alternative<sdk::Error>(end)))
        if (auto printed = context.print(is_terminal(STDOUT_FILENO) ? std::string(usual_modes) + "\n" : "\n"); !printed)
            return std::move(printed).error();
    return std::visit(Attached(verb, context), end);
}

}  // namespace banger::cli
