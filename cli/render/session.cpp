// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/session.hpp"

#include "cli/render/table.hpp"
#include "cli/render/values.hpp"
#include "cli/text.hpp"
#include "core/base/durations.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

std::string ran(const json::Value& session)
{
    const auto ms = json::find_int(session, "ran_ms");
    return ms ? base::format_duration(std::chrono::milliseconds(*ms)) : "";
}

std::string command_of(const json::Value& session)
{
    std::string line;
    for (const auto& word : json::find_strings(session, "argv"))
        line += (line.empty() ? "" : " ") + shell_quoted(word);
    return line;
}

std::string short_state(const json::Value& session)
{
    const std::string state = json::string_or(session, "state");
    if (state != "ended")
        return state;
    const std::string signal = json::string_or(session, "signal");
    return signal.empty() ? "ended " + value_text(session, "exit_code") : "ended by " + signal;
}

std::string output_line(const json::Value& session)
{
    std::string line = base::format_size(json::uint_or(session, "written_bytes"));
    if (const auto dropped = json::uint_or(session, "dropped_bytes"); dropped > 0)
        line += ", of which the first " + base::format_size(dropped) + " are kept no more";
    return line;
}

std::string log_line(const json::Value& session)
{
    const std::string problem = json::string_or(session, "log_problem");
    return base::format_size(json::uint_or(session, "log_bytes")) +
           (problem.empty() ? " in the machine's files" : " in the machine's memory: " + problem);
}

}  // namespace

std::string how_it_is(const json::Value& session)
{
    const std::string state = json::string_or(session, "state");
    if (state == "running")
        return "runs";
    if (state == "lost")
        return "was lost when its machine went off";
    const std::string signal = json::string_or(session, "signal");
    const std::string how =
        signal.empty() ? "has ended with status " + value_text(session, "exit_code") : "was ended by signal " + signal;
    return json::bool_or(session, "by_machine") ? how + ", as its machine was stopped" : how;
}

std::string session_table(const json::Value& list, std::size_t columns)
{
    Table table({"NAME", "STATE", "VM", "STARTED", "RAN", "COMMAND"});
    const json::Value* sessions = json::find(list, "sessions");
    if (sessions == nullptr || !sessions->IsArray() || sessions->Empty())
        return "no sessions; start one with `banger vm session start`\n";
    for (const auto& session : sessions->GetArray())
        table.add({json::string_or(session, "name"), short_state(session), json::string_or(session, "vm"),
                   json::string_or(session, "started"), ran(session), command_of(session)});
    return table.text(columns);
}

std::string session_page(const json::Value& session, std::size_t columns)
{
    Facts facts;
    facts.add("name", json::string_or(session, "name"));
    facts.add("vm", json::string_or(session, "vm"));
    facts.add("state", short_state(session));
    if (json::bool_or(session, "by_machine"))
        facts.add("why", "its machine was stopped");
    facts.add("command", command_of(session));
    facts.add("directory", json::string_or(session, "cwd"));
    facts.add("user", json::string_or(session, "user"));
    facts.add("terminal", value_text(session, "tty"));
    facts.add("pid", value_text(session, "pid"));
    facts.add("started", json::string_or(session, "started"));
    facts.add("ran", ran(session));
    facts.add("attached", value_text(session, "attached"));
    facts.add("viewers", value_text(session, "viewers"));
    facts.add("output", output_line(session));
    facts.add("kept", log_line(session));
    return facts.text(columns);
}

}  // namespace banger::cli
