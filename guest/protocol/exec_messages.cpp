// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/exec_messages.hpp"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "guest/protocol/address.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

bool has_nul(const std::string& text)
{
    return text.find('\0') != std::string::npos;
}

/// signal(7), x86-64.
constexpr std::array<std::pair<std::string_view, int>, 31> signals{{
    {"HUP", 1},   {"INT", 2},     {"QUIT", 3},  {"ILL", 4},    {"TRAP", 5},  {"ABRT", 6},  {"BUS", 7},   {"FPE", 8},
    {"KILL", 9},  {"USR1", 10},   {"SEGV", 11}, {"USR2", 12},  {"PIPE", 13}, {"ALRM", 14}, {"TERM", 15}, {"STKFLT", 16},
    {"CHLD", 17}, {"CONT", 18},   {"STOP", 19}, {"TSTP", 20},  {"TTIN", 21}, {"TTOU", 22}, {"URG", 23},  {"XCPU", 24},
    {"XFSZ", 25}, {"VTALRM", 26}, {"PROF", 27}, {"WINCH", 28}, {"IO", 29},   {"PWR", 30},  {"SYS", 31},
}};

template <typename T>
T bounded(Fields& fields, const char* key, std::int64_t fallback = 0)
{
    const auto number = fields.number(key, fallback);
    if (number < 0 || static_cast<std::uint64_t>(number) > std::numeric_limits<T>::max())
        fields.refuse(key, "is out of range");
    return static_cast<T>(number);
}

void read_environment(Fields& fields, ExecSpec& spec)
{
    const auto* env = fields.object("env");
    if (env == nullptr)
        return;
    for (const auto& member : env->GetObject()) {
        if (!member.value.IsString())
            return fields.refuse("env", "holds something that is not a string");
        spec.env.emplace_back(std::string(member.name.GetString(), member.name.GetStringLength()),
                              std::string(member.value.GetString(), member.value.GetStringLength()));
        const auto& [name, value] = spec.env.back();
        if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value))
            return fields.refuse("env", "holds a name or value that no environment can have");
    }
}

/// The members that say where a socket is or goes.
void read_socket_place(Fields& fields, std::string& tcp_address, std::string& unix_path)
{
    constexpr std::size_t longest_socket_path = sizeof(sockaddr_un::sun_path) - 1;  // unix(7)
    tcp_address = fields.text("address");
    unix_path = fields.text("unix");
    if (!tcp_address.empty() && !is_address(tcp_address))
        fields.refuse("address", "must be an IP address");
    if (unix_path.size() > longest_socket_path || has_nul(unix_path))
        fields.refuse("unix", "is longer than a socket path can be");
}

/// Of an object that has one member.
template <typename T>
sdk::Result<T> one_number(std::string_view text, const char* subject, const char* key)
{
    auto document = parse_object(text, subject);
    if (!document)
        return std::move(document.error());
    Fields fields(*document, subject);
    const auto number = bounded<T>(fields, key);
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return number;
}

std::string_view word_of(EntrySpec::Type type)
{
    return type == EntrySpec::Type::directory ? "directory" : type == EntrySpec::Type::file ? "file" : "link";
}

}  // namespace

void add_members(JsonText& json, const ExecSpec& spec)
{
    json.member("argv", spec.argv).member("tool", spec.tool).key("env").begin_object();
    for (const auto& [name, value] : spec.env)
        json.member(name, value);
    json.end_object()
        .member("cwd", spec.cwd)
        .member("user", spec.user)
        .member("tty", spec.tty)
        .member("cols", static_cast<int>(spec.columns))
        .member("rows", static_cast<int>(spec.rows))
        .member("term", spec.term);
}

std::string to_json(const ExecSpec& spec)
{
    JsonText json;
    json.begin_object();
    add_members(json, spec);
    return json.end_object().str();
}

sdk::Result<ExecSpec> exec_spec_from_json(std::string_view text)
{
    auto document = parse_object(text, "the exec spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the exec spec");
    ExecSpec spec;
    spec.argv = fields.texts("argv");
    spec.tool = fields.text("tool");
    read_environment(fields, spec);
    spec.cwd = fields.text("cwd");
    spec.user = fields.text("user");
    spec.tty = fields.flag("tty");
    spec.columns = bounded<std::uint16_t>(fields, "cols");
    spec.rows = bounded<std::uint16_t>(fields, "rows");
    spec.term = fields.text("term");
    if (std::any_of(spec.argv.begin(), spec.argv.end(), has_nul))
        fields.refuse("argv", "holds a NUL byte");
    if (has_nul(spec.cwd))
        fields.refuse("cwd", "holds a NUL byte");
    if (has_nul(spec.term))
        fields.refuse("term", "holds a NUL byte");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

std::string to_json(const ExitStatus& status)
{
    JsonText json;
    json.begin_object();
    if (status.signal != 0)
        json.member("signal", status.signal);
    else
        json.member("code", status.code);
    return json.end_object().str();
}

sdk::Result<ExitStatus> exit_status_from_json(std::string_view text)
{
    auto document = parse_object(text, "the exit status");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the exit status");
    ExitStatus status;
    status.code = bounded<std::uint8_t>(fields, "code");
    status.signal = bounded<std::uint8_t>(fields, "signal");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return status;
}

sdk::Result<int> signal_number(std::string_view text)
{
    int number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && number >= 1 && number <= 64)
        return number;
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
    if (name.starts_with("SIG"))
        name.erase(0, 3);
    for (const auto& [known, value] : signals)
        if (known == name)
            return value;
    return sdk::make_error(sdk::Code::invalid, "there is no signal '" + std::string(text) + "'",
                           "use a name such as TERM or a number from 1 to 64");
}

std::string signal_name(int number)
{
    for (const auto& [name, value] : signals)
        if (value == number)
            return std::string(name);
    return std::to_string(number);
}

std::string to_json(const FileSpec& spec)
{
    JsonText json;
    json.begin_object()
        .member("path", spec.path)
        .member("mode", static_cast<std::uint64_t>(spec.mode))
        .member("uid", spec.uid)
        .member("gid", spec.gid)
        .member("fsync", spec.fsync)
        .member("parents", spec.parents)
        .end_object();
    return json.str();
}

sdk::Result<FileSpec> file_spec_from_json(std::string_view text)
{
    auto document = parse_object(text, "the file spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the file spec");
    FileSpec spec;
    spec.path = fields.text("path");
    spec.mode = bounded<std::uint32_t>(fields, "mode", 0644);
    spec.uid = bounded<std::uint32_t>(fields, "uid");
    spec.gid = bounded<std::uint32_t>(fields, "gid");
    spec.fsync = fields.flag("fsync");
    spec.parents = fields.flag("parents");
    if (!spec.path.starts_with('/') || has_nul(spec.path))
        fields.refuse("path", "is not an absolute path");
    if ((spec.mode & ~07777U) != 0)
        fields.refuse("mode", "has bits beyond 07777");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

std::string to_json(const EntrySpec& spec)
{
    JsonText json;
    json.begin_object().member("type", word_of(spec.type)).member("path", spec.path);
    if (spec.type == EntrySpec::Type::link)
        json.member("target", spec.target);
    else
        json.member("mode", static_cast<std::uint64_t>(spec.mode));
    return json.end_object().str();
}

sdk::Result<EntrySpec> entry_spec_from_json(std::string_view text)
{
    auto document = parse_object(text, "the entry spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the entry spec");
    EntrySpec spec;
    const auto type = fields.text("type");
    for (const auto candidate : {EntrySpec::Type::directory, EntrySpec::Type::file, EntrySpec::Type::link})
        if (word_of(candidate) == type)
            spec.type = candidate;
    if (word_of(spec.type) != type)
        fields.refuse("type", "must be directory, file or link");
    spec.path = fields.text("path");
    spec.mode = bounded<std::uint32_t>(fields, "mode", 0644);
    spec.target = fields.text("target");
    if (!spec.path.starts_with('/') || has_nul(spec.path))
        fields.refuse("path", "is not an absolute path");
    if ((spec.mode & ~07777U) != 0)
        fields.refuse("mode", "has bits beyond 07777");
    if ((spec.type == EntrySpec::Type::link) == spec.target.empty() || has_nul(spec.target))
        fields.refuse("target", "belongs to a link, and to nothing else");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

std::string to_json(const ConnectSpec& spec)
{
    JsonText json;
    json.begin_object();
    if (spec.accepted != 0)
        json.member("accepted", spec.accepted).member("refused", spec.refused);
    else if (spec.tcp_port != 0)
        json.member("tcp", static_cast<int>(spec.tcp_port));
    else
        json.member("unix", spec.unix_path);
    if (!spec.tcp_address.empty())
        json.member("address", spec.tcp_address);
    return json.end_object().str();
}

sdk::Result<ConnectSpec> connect_spec_from_json(std::string_view text)
{
    auto document = parse_object(text, "the connect spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the connect spec");
    ConnectSpec spec;
    spec.tcp_port = bounded<std::uint16_t>(fields, "tcp");
    spec.accepted = bounded<std::int64_t>(fields, "accepted");
    spec.refused = fields.flag("refused");
    read_socket_place(fields, spec.tcp_address, spec.unix_path);
    if (!spec.tcp_address.empty() && spec.tcp_port == 0)
        fields.refuse("address", "goes with 'tcp'");
    if ((spec.tcp_port != 0 ? 1 : 0) + (spec.unix_path.empty() ? 0 : 1) + (spec.accepted != 0 ? 1 : 0) != 1)
        fields.refuse("tcp", "or 'unix' or 'accepted' must be given, and only one of them");
    if (spec.refused && spec.accepted == 0)
        fields.refuse("refused", "goes with 'accepted'");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

std::string to_json(const ListenSpec& spec)
{
    JsonText json;
    json.begin_object();
    if (spec.unix_path.empty())
        json.member("tcp", static_cast<int>(spec.tcp_port)).member("address", spec.tcp_address);
    else
        json.member("unix", spec.unix_path);
    return json.end_object().str();
}

sdk::Result<ListenSpec> listen_spec_from_json(std::string_view text)
{
    auto document = parse_object(text, "the listen spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the listen spec");
    ListenSpec spec;
    spec.tcp_port = bounded<std::uint16_t>(fields, "tcp");
    read_socket_place(fields, spec.tcp_address, spec.unix_path);
    if (!spec.unix_path.empty() && (spec.tcp_port != 0 || !spec.tcp_address.empty()))
        fields.refuse("unix", "goes with neither 'tcp' nor 'address'");
    if (!spec.unix_path.empty() && spec.unix_path.front() != '/')
        fields.refuse("unix", "must be an absolute path");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

std::string listening_to_json(std::uint16_t port)
{
    return JsonText().begin_object().member("port", static_cast<int>(port)).end_object().str();
}

sdk::Result<std::uint16_t> listening_from_json(std::string_view text)
{
    return one_number<std::uint16_t>(text, "where the guest listens", "port");
}

std::string accepted_to_json(std::int64_t number)
{
    return JsonText().begin_object().member("accepted", number).end_object().str();
}

sdk::Result<std::int64_t> accepted_from_json(std::string_view text)
{
    return one_number<std::int64_t>(text, "a connection of the guest", "accepted");
}

}  // namespace banger::agent
