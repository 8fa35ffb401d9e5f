// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/session_messages.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

constexpr std::size_t longest_name = 48;
constexpr std::int64_t longest_timeout_ms = 24LL * 3600 * 1000;

constexpr std::array<std::pair<SessionFacts::State, std::string_view>, 3> states{
    {{SessionFacts::State::running, "running"},
     {SessionFacts::State::ended, "ended"},
     {SessionFacts::State::lost, "lost"}}};
constexpr std::array<std::pair<AttachSpec::How, std::string_view>, 4> ways{{{AttachSpec::How::control, "control"},
                                                                           {AttachSpec::How::view, "view"},
                                                                           {AttachSpec::How::read, "read"},
                                                                           {AttachSpec::How::send, "send"}}};

template <typename Names, typename Word>
std::string_view name_of(const Names& names, Word word)
{
    for (const auto& [known, name] : names)
        if (known == word)
            return name;
    return {};
}

template <typename Word, typename Names>
Word word_in(Fields& fields, const char* key, const Names& names)
{
    const auto text = fields.text(key);
    for (const auto& [word, name] : names)
        if (name == text)
            return word;
    fields.refuse(key, "is none of the words known");
    return names.front().first;
}

std::int64_t natural(Fields& fields, const char* key)
{
    const auto number = fields.number(key);
    if (number < 0)
        fields.refuse(key, "is out of range");
    return std::max<std::int64_t>(number, 0);
}

std::uint16_t sixteen_bits(Fields& fields, const char* key)
{
    const auto number = natural(fields, key);
    if (number > std::numeric_limits<std::uint16_t>::max())
        fields.refuse(key, "is out of range");
    return static_cast<std::uint16_t>(number);
}

std::string required_name(Fields& fields)
{
    auto name = fields.text("name");
    if (!check_session_name(name))
        fields.refuse("name", "is no name of a session");
    return name;
}

void add_members(JsonText& json, const SessionEnd& end)
{
    if (end.exit.signal != 0)
        json.member("signal", end.exit.signal);
    else
        json.member("code", end.exit.code);
    json.member("by_machine", end.by_machine);
}

SessionEnd read_end(Fields& fields)
{
    SessionEnd end;
    end.exit.code = static_cast<int>(natural(fields, "code"));
    end.exit.signal = static_cast<int>(natural(fields, "signal"));
    if (end.exit.code > 255 || end.exit.signal > 64)
        fields.refuse("code", "or 'signal' is out of range");
    end.by_machine = fields.flag("by_machine");
    return end;
}

void add_object(JsonText& json, const SessionFacts& facts)
{
    json.begin_object()
        .member("name", facts.name)
        .member("state", to_string(facts.state))
        .member("argv", facts.argv)
        .member("user", facts.user)
        .member("cwd", facts.cwd)
        .member("tty", facts.tty)
        .member("pid", facts.pid)
        .member("started_s", facts.started_s);
    if (facts.ran_ms)
        json.member("ran_ms", *facts.ran_ms);
    if (facts.state == SessionFacts::State::ended)
        add_members(json, facts.end);
    json.member("attached", facts.attached)
        .member("viewers", facts.viewers)
        .member("written_bytes", facts.written_bytes)
        .member("dropped_bytes", facts.dropped_bytes)
        .member("log_bytes", facts.log_bytes)
        .member("log_problem", facts.log_problem)
        .end_object();
}

sdk::Result<SessionFacts> read_facts(const rapidjson::Value& object)
{
    Fields fields(object, "the session");
    SessionFacts facts;
    facts.name = required_name(fields);
    facts.state = word_in<SessionFacts::State>(fields, "state", states);
    facts.argv = fields.texts("argv");
    facts.user = fields.text("user");
    facts.cwd = fields.text("cwd");
    facts.tty = fields.flag("tty");
    facts.pid = natural(fields, "pid");
    facts.started_s = natural(fields, "started_s");
    if (object.HasMember("ran_ms"))
        facts.ran_ms = natural(fields, "ran_ms");
    facts.end = read_end(fields);
    facts.end.ran_ms = facts.ran_ms.value_or(0);
    facts.attached = fields.flag("attached");
    facts.viewers = natural(fields, "viewers");
    facts.written_bytes = static_cast<std::uint64_t>(natural(fields, "written_bytes"));
    facts.dropped_bytes = static_cast<std::uint64_t>(natural(fields, "dropped_bytes"));
    facts.log_bytes = static_cast<std::uint64_t>(natural(fields, "log_bytes"));
    facts.log_problem = fields.text("log_problem");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return facts;
}

}  // namespace

sdk::Result<void> check_session_name(std::string_view name)
{
    const auto is_letter_or_digit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const bool fine = !name.empty() && name.size() <= longest_name && is_letter_or_digit(name.front()) &&
                      std::all_of(name.begin(), name.end(), [&](char c) {
                          return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
                      });
    if (fine)
        return {};
    return sdk::make_error(sdk::Code::invalid, "that is no name of a session",
                           "a name has 1 to 48 letters, digits, '-', '_' and '.', and begins with a letter or digit");
}

std::string to_json(const SessionSpec& spec)
{
    JsonText json;
    json.begin_object();
    add_members(json, spec.exec);
    return json.member("name", spec.name)
        .member("require", spec.require)
        .member("log_bytes", spec.log_bytes)
        .member("now_s", spec.now_s)
        .end_object()
        .str();
}

sdk::Result<SessionSpec> session_spec_from_json(std::string_view text)
{
    auto exec = exec_spec_from_json(text);
    if (!exec)
        return std::move(exec.error());
    auto document = parse_object(text, "the session spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the session spec");
    SessionSpec spec;
    spec.exec = std::move(*exec);
    spec.name = fields.text("name");
    spec.require = fields.texts("require");
    spec.log_bytes = static_cast<std::uint64_t>(natural(fields, "log_bytes"));
    spec.now_s = natural(fields, "now_s");
    if (!spec.name.empty() && !check_session_name(spec.name))
        fields.refuse("name", "is no name of a session");
    if (!spec.exec.tool.empty())
        fields.refuse("tool", "goes with no session");
    for (const auto& command : spec.require)
        if (command.empty() || command.find('\0') != std::string::npos)
            fields.refuse("require", "holds what is no command");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

std::string to_json(const SessionEnd& end)
{
    JsonText json;
    json.begin_object();
    add_members(json, end);
    return json.member("ran_ms", end.ran_ms).end_object().str();
}

sdk::Result<SessionEnd> session_end_from_json(std::string_view text)
{
    auto document = parse_object(text, "how the session ended");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "how the session ended");
    auto end = read_end(fields);
    end.ran_ms = natural(fields, "ran_ms");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return end;
}

std::string_view to_string(SessionFacts::State state)
{
    return name_of(states, state);
}

std::string to_json(const SessionFacts& facts)
{
    JsonText json;
    add_object(json, facts);
    return json.str();
}

sdk::Result<SessionFacts> session_facts_from_json(std::string_view text)
{
    auto document = parse_object(text, "the session");
    if (!document)
        return std::move(document.error());
    return read_facts(*document);
}

std::string to_json(const std::vector<SessionFacts>& sessions)
{
    JsonText json;
    json.begin_object().key("sessions").begin_array();
    for (const auto& facts : sessions)
        add_object(json, facts);
    return json.end_array().end_object().str();
}

sdk::Result<std::vector<SessionFacts>> sessions_from_json(std::string_view text)
{
    auto document = parse_object(text, "the list of sessions");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the list of sessions");
    std::vector<SessionFacts> sessions;
    if (const auto* array = fields.array("sessions"))
        for (const auto& item : array->GetArray()) {
            if (!item.IsObject())
                return sdk::make_error(sdk::Code::invalid, "the list of sessions holds something else");
            auto facts = read_facts(item);
            if (!facts)
                return std::move(facts.error());
            sessions.push_back(std::move(*facts));
        }
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return sessions;
}

std::string to_json(const SessionOrder& order)
{
    return JsonText()
        .begin_object()
        .member("name", order.name)
        .member("signal", order.signal)
        .member("timeout_ms", order.timeout_ms)
        .end_object()
        .str();
}

sdk::Result<SessionOrder> session_order_from_json(std::string_view text)
{
    auto document = parse_object(text, "the order to a session");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the order to a session");
    SessionOrder order;
    order.name = required_name(fields);
    const auto signal = natural(fields, "signal");
    order.timeout_ms = natural(fields, "timeout_ms");
    if (signal > 64)
        fields.refuse("signal", "is out of range");
    if (order.timeout_ms > longest_timeout_ms)
        fields.refuse("timeout_ms", "is out of range");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    order.signal = static_cast<int>(signal);
    return order;
}

sdk::Result<AttachSpec::How> attach_way_of(std::string_view word)
{
    for (const auto& [way, name] : ways)
        if (name == word)
            return way;
    return sdk::make_error(sdk::Code::invalid, "'" + std::string(word) + "' is no way to attach to a session",
                           "control, view, read or send");
}

std::string to_json(const AttachSpec& spec)
{
    return JsonText()
        .begin_object()
        .member("name", spec.name)
        .member("how", name_of(ways, spec.how))
        .member("end_input", spec.end_input)
        .member("steal", spec.steal)
        .member("cols", static_cast<int>(spec.size.columns))
        .member("rows", static_cast<int>(spec.size.rows))
        .end_object()
        .str();
}

sdk::Result<AttachSpec> attach_spec_from_json(std::string_view text)
{
    auto document = parse_object(text, "the attach spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the attach spec");
    AttachSpec spec;
    spec.name = required_name(fields);
    spec.how = word_in<AttachSpec::How>(fields, "how", ways);
    spec.end_input = fields.flag("end_input");
    spec.steal = fields.flag("steal");
    spec.size = {sixteen_bits(fields, "cols"), sixteen_bits(fields, "rows")};
    if (spec.end_input && spec.how != AttachSpec::How::send)
        fields.refuse("end_input", "goes with 'send'");
    if (spec.steal && spec.how != AttachSpec::How::control)
        fields.refuse("steal", "goes with 'control'");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

std::uint64_t gap_of(std::string_view payload)
{
    std::uint64_t bytes = 0;
    std::from_chars(payload.data(), payload.data() + payload.size(), bytes);
    return bytes;
}

}  // namespace banger::agent
