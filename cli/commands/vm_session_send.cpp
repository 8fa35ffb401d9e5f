// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "cli/commands/vm_session.hpp"
#include "cli/guest_tool.hpp"

namespace banger::cli {
namespace {

constexpr const char* own_input = "-";

struct Sent {
    sdk::Result<Exit> operator()(const GuestExit& /*done*/) const { return Exit(OwnExit::done); }
    sdk::Result<Exit> operator()(const SignalExit& exit) const { return Exit(exit); }
    sdk::Result<Exit> operator()(const LeftStream& /*left*/) const { return Exit(OwnExit::done); }
    sdk::Result<Exit> operator()(const sdk::Error& error) const { return error; }
};

}  // namespace

Syntax VmSessionSend::syntax()
{
    Syntax syntax;
    syntax.path = "vm session send";
    syntax.summary = "write to a session without attaching to it";
    syntax.description =
        "TEXT and a line end, or standard input as it is if TEXT is `-`. It returns when the session has taken all of "
        "it, and is done beside whoever is attached.";
    syntax.operands = {{"VM"}, {"SESSION"}, {"TEXT", Operand::Count::optional}};
    syntax.options = {{"no-newline", 'n', "", "no line end behind the text", {}, false},
                      {"eof", 0, "", "then end its input; with a terminal, press its end-of-file key", {}, false}};
    syntax.examples = {{"banger vm session send web shell 'make test'", "as if it were typed"},
                       {"banger vm session send web load - < dump.sql", "a file"},
                       {"banger vm session send --eof web load", "that was all"}};
    return syntax;
}

sdk::Result<VmSessionSend> VmSessionSend::parse(const Arguments& arguments)
{
    auto of = parse_session(arguments);
    if (!of)
        return std::move(of).error();
    VmSessionSend verb;
    verb.of = std::move(*of);
    verb.end_input = arguments.has("eof");
    const bool has_text = arguments.operands().size() > 2;
    if (!has_text && !verb.end_input)
        return sdk::make_error(sdk::Code::invalid, "`banger vm session send` needs a TEXT, or --eof",
                               "see `banger vm session send --help`");
    verb.from_input = has_text && arguments.operand(2) == own_input;
    if (has_text && !verb.from_input)
        verb.text = arguments.operand(2) + (arguments.has("no-newline") ? "" : "\n");
    return verb;
}

sdk::Result<Exit> run(const VmSessionSend& verb, Context& context)
{
    json::Object params;
    params.set("end_input", verb.end_input);
    auto text = buffer_of(verb.text);
    if (!text)
        return std::move(text).error();
    auto stream = open_session(context, verb.of, "send", std::move(params));
    if (!stream)
        return std::move(stream).error();
    const auto end = run_stream(std::move(*stream), {verb.from_input ? STDIN_FILENO : text->get()}, false,
                                context.session()->signals(), session_rules(context, false));
    return std::visit(Sent{}, end);
}

}  // namespace banger::cli
