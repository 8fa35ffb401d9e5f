// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/ssh.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/process.hpp"
#include "cli/own_program.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

// A file name as one argument, whatever is in it (ssh_config(5): arguments may be in double quotes).
std::string as_file(const std::string& path)
{
    std::string text = "\"";
    for (const char c : percent_escaped(path)) {
        if (c == '"' || c == '\\')
            text += '\\';
        text += c;
    }
    return text + "\"";
}

/// Where the proxy, which ssh starts and tells us nothing of, says how it failed. It has no name that could be left behind.
class ProxyReport {
public:
    static sdk::Result<ProxyReport> make()
    {
        sdk::os::UniqueFd file(::memfd_create("banger proxy report", MFD_CLOEXEC));
        if (!file)
            return sdk::os_error("make a file for ssh's proxy");
        return ProxyReport(std::move(file));
    }

    [[nodiscard]] std::string path() const
    {
        return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_.get());
    }
    /// JSON of an error, an empty object if the guest closed the connection, or nothing if all was well.
    [[nodiscard]] std::string text() const
    {
        std::array<char, 65536> bytes{};
        const ssize_t got = ::pread(file_.get(), bytes.data(), bytes.size(), 0);
        return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : std::string();
    }

private:
    explicit ProxyReport(sdk::os::UniqueFd file) : file_(std::move(file)) {}
    sdk::os::UniqueFd file_;
};

// 255 is ssh's own failure, and may be the guest's command as well.
sdk::Result<Exit> exit_of(int status, const ProxyReport& report)
{
    constexpr int failure_of_ssh = 255;
    const std::string text = status == failure_of_ssh ? report.text() : std::string();
    if (text.empty())
        return Exit(GuestExit{status});
    auto failure = json::parse_object(text, "the proxy's report");
    if (failure && failure->MemberCount() > 0)
        return json::to_error(*failure);
    return Exit(OwnExit::command_failed);
}

/// Waits for ssh. What the terminal's keys send reaches it without us; signals sent to us alone are passed on.
sdk::Result<int> wait_for(sdk::os::Child& child, Signals& signals)
{
    for (;;) {
        std::array<pollfd, 2> watch{{{child.pidfd(), POLLIN, 0}, {signals.descriptor(), POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0 && errno != EINTR)
            return sdk::os_error("poll");
        if (watch[1].revents != 0)
            for (const int signal : signals.read())
                if (signal == SIGTERM || signal == SIGHUP)
                    ::kill(child.id().pid, signal);
        if (watch[0].revents != 0)
            return child.wait();
    }
}

}  // namespace

sdk::Result<SshWay> find_ssh(Context& context, const std::string& vm)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("vm", vm);
    auto reply = (*session)->call("vm.ssh", params);
    if (!reply)
        return std::move(reply).error();
    const json::Value& facts = reply->result;
    return SshWay{vm,
                  json::string_or(facts, "user", "root"),
                  json::string_or(facts, "identity"),
                  json::string_or(facts, "known_hosts"),
                  json::string_or(facts, "host_alias"),
                  json::bool_or(facts, "has_sshd"),
                  "",
                  json::string_or(facts, "guest_init")};
}

std::vector<std::string> ssh_command(const SshWay& way, const std::string& program,
                                     const std::vector<std::string>& words, const std::string& report)
{
    const std::string proxy =
        percent_escaped(shell_quoted(program) + " vm proxy --report " + report + " " + shell_quoted(way.vm)) + " 22";
    std::vector<std::string> command{"ssh", "-F", "none"};
    for (const auto& option :
         {"IdentityFile=" + as_file(way.identity), std::string("IdentitiesOnly=yes"),
          "UserKnownHostsFile=" + as_file(way.known_hosts), std::string("GlobalKnownHostsFile=/dev/null"),
          "HostKeyAlias=" + way.host_alias, std::string("StrictHostKeyChecking=yes"), std::string("UpdateHostKeys=no"),
          "ProxyCommand=" + proxy, std::string("LogLevel=ERROR")})
        command.insert(command.end(), {"-o", option});
    if (!way.directory.empty())
        command.insert(command.end(),
                       {"-o", "RequestTTY=yes", "-o",
                        percent_escaped("RemoteCommand=cd " + shell_quoted(way.directory) + " && exec \"$SHELL\" -l")});
    command.push_back(way.user + "@" + way.host_alias);
    command.insert(command.end(), words.begin(), words.end());
    return command;
}

sdk::Result<Exit> run_ssh(Context& context, const SshWay& way, const std::vector<std::string>& words)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto program = own_program();
    if (!program)
        return std::move(program).error();
    auto report = ProxyReport::make();
    if (!report)
        return std::move(report).error();
    sdk::os::Command command;
    command.argv = ssh_command(way, *program, words, report->path());
    command.in = STDIN_FILENO;
    command.out = STDOUT_FILENO;
    command.err = STDERR_FILENO;
    command.new_session = false;
    auto child = sdk::os::spawn(command);
    if (!child)
        return std::move(child).error().with_hint("install openssh-client, or use `banger vm exec`");
    auto status = wait_for(*child, (*session)->signals());
    if (!status)
        return std::move(status).error();
    return exit_of(*status, *report);
}

}  // namespace banger::cli
