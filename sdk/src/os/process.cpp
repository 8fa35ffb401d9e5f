// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <map>

#include "banger/sdk/os/file.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace banger::sdk::os {
namespace {

using Clock = std::chrono::steady_clock;

struct Prepared {
    std::string program;
    std::vector<std::string> environment;
    std::vector<char*> argv;
    std::vector<char*> envp;
};

Result<Prepared> prepare(const Command& command)
{
    if (command.argv.empty())
        return make_error(Code::internal, "no program to run");
    Prepared prepared;
    prepared.program = command.argv.front();
    if (prepared.program.find('/') == std::string::npos) {
        auto found = find_program(prepared.program);
        if (!found)
            return std::move(found).error();
        prepared.program = *found;
    }
    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    for (const auto& [name, value] : command.environment)
        variables[name] = value;
    for (const auto& [name, value] : variables)
        prepared.environment.push_back(name + "=" + value);
    for (auto& entry : prepared.environment)
        prepared.envp.push_back(entry.data());
    prepared.envp.push_back(nullptr);
    for (const auto& argument : command.argv)
        prepared.argv.push_back(const_cast<char*>(argument.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    prepared.argv.push_back(nullptr);
    return prepared;
}

// Between fork and exec only async-signal-safe calls are allowed: other threads' locks may be held for ever.
[[noreturn]] void fail_in_child(int report)
{
    const int reason = errno;
    (void)!::write(report, &reason, sizeof reason);
    ::_exit(127);
}

// Moves a descriptor above `floor`, so that laying out the child's descriptors cannot overwrite it.
int move_above(int fd, int floor, int report)
{
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (moved < 0)
        fail_in_child(report);
    return moved;
}

[[noreturn]] void become(const Command& command, const Prepared& prepared, int report, pid_t parent)
{
    if (command.new_session)
        ::setsid();
    if (command.die_with_parent) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent)
            ::_exit(127);
    }
    for (int signal = 1; signal < NSIG; ++signal)
        if (signal != SIGKILL && signal != SIGSTOP)
            ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    int floor = 3;
    for (const auto& [ours, theirs] : command.descriptors)
        floor = std::max(floor, theirs + 1);
    report = move_above(report, floor, report);
    constexpr int most_descriptors = 32;
    std::array<std::pair<int, int>, most_descriptors> plan{};
    std::size_t count = 0;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || command.descriptors.size() + 3 > plan.size())
        fail_in_child(report);
    for (const auto& [fd, number] : {std::pair{command.in, 0}, {command.out, 1}, {command.err, 2}})
        plan[count++] = {move_above(fd < 0 ? null : fd, floor, report), number};
    for (const auto& [ours, theirs] : command.descriptors)
        plan[count++] = {move_above(ours, floor, report), theirs};
    for (std::size_t i = 0; i < count; ++i)
        if (::dup2(plan[i].first, plan[i].second) < 0)
            fail_in_child(report);
    // Whatever else is open, with or without close-on-exec, stays here.
    unsigned next = 3;
    std::array<int, most_descriptors> kept{};
    std::size_t kept_count = 0;
    for (const auto& [ours, theirs] : command.descriptors)
        kept[kept_count++] = theirs;
    kept[kept_count++] = report;
    std::sort(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(kept_count));
    for (std::size_t i = 0; i < kept_count; ++i) {
        if (static_cast<unsigned>(kept[i]) > next)
            ::syscall(SYS_close_range, next, static_cast<unsigned>(kept[i]) - 1, 0U);
        next = static_cast<unsigned>(kept[i]) + 1;
    }
    ::syscall(SYS_close_range, next, ~0U, 0U);
    if (!command.directory.empty() && ::chdir(command.directory.c_str()) != 0)
        fail_in_child(report);
    ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.envp.data());
    fail_in_child(report);
}

Result<std::pair<UniqueFd, UniqueFd>> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return os_error("make a pipe");
    return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Reads the error number that a child reports if it cannot become the program; nothing comes if it could.
Result<void> exec_outcome(UniqueFd read_end, const std::string& program)
{
    int reason = 0;
    ssize_t got = 0;
    do
        got = ::read(read_end.get(), &reason, sizeof reason);
    while (got < 0 && errno == EINTR);
    if (got == sizeof reason)
        return os_error("run " + program, reason);
    return {};
}

UniqueFd open_pidfd(pid_t pid)
{
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
}

int status_of(const siginfo_t& info)
{
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

struct Stat {
    char state = 'X';
    std::uint64_t start_time = 0;
};

Result<Stat> read_stat(pid_t pid)
{
    auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!text)
        return make_error(Code::not_found, "no process " + std::to_string(pid));
    // The command name, in parentheses, may hold anything: count fields from the last ')'.
    const auto close = text->rfind(')');
    if (close == std::string::npos)
        return make_error(Code::not_found, "no process " + std::to_string(pid));
    Stat stat;
    std::size_t field = 3;
    std::size_t at = close + 2;
    while (at < text->size()) {
        const auto end = std::min(text->find(' ', at), text->size());
        if (field == 3)
            stat.state = (*text)[at];
        if (field == 22) {
            stat.start_time = std::strtoull(text->c_str() + at, nullptr, 10);
            return stat;
        }
        at = end + 1;
        ++field;
    }
    return make_error(Code::not_found, "no process " + std::to_string(pid));
}

}  // namespace

Result<Child> spawn(const Command& command)
{
    auto prepared = prepare(command);
    if (!prepared)
        return std::move(prepared).error();
    auto report = make_pipe();
    if (!report)
        return std::move(report).error();
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return os_error("start " + prepared->program);
    if (pid == 0)
        become(command, *prepared, report->second.get(), parent);
    UniqueFd pidfd = open_pidfd(pid);
    report->second.reset();
    if (auto outcome = exec_outcome(std::move(report->first), prepared->program); !outcome) {
        ::waitpid(pid, nullptr, 0);
        return std::move(outcome).error();
    }
    ProcessId id{pid, 0};
    if (auto stat = read_stat(pid))
        id.start_time = stat->start_time;
    return Child(id, std::move(pidfd));
}

Result<ProcessId> spawn_detached(const Command& command)
{
    auto prepared = prepare(command);
    if (!prepared)
        return std::move(prepared).error();
    auto report = make_pipe();
    auto pid_pipe = make_pipe();
    if (!report || !pid_pipe)
        return os_error("make a pipe");
    const pid_t middle = ::fork();
    if (middle < 0)
        return os_error("start " + prepared->program);
    if (middle == 0) {
        const pid_t pid = ::fork();
        if (pid < 0)
            fail_in_child(report->second.get());
        if (pid == 0)
            become(command, *prepared, report->second.get(), 0);
        (void)!::write(pid_pipe->second.get(), &pid, sizeof pid);
        ::_exit(0);
    }
    report->second.reset();
    pid_pipe->second.reset();
    ::waitpid(middle, nullptr, 0);
    pid_t pid = 0;
    const bool told = ::read(pid_pipe->first.get(), &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid);
    if (auto outcome = exec_outcome(std::move(report->first), prepared->program); !outcome)
        return std::move(outcome).error();
    if (!told)
        return make_error(Code::internal, "cannot start " + prepared->program + ": its parent died");
    return identify(pid);
}

Result<int> Child::wait()
{
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(id_.pid), &info, WEXITED) != 0)
        if (errno != EINTR)
            return os_error("wait for process " + std::to_string(id_.pid));
    return status_of(info);
}

void Child::kill_group(int signal) const
{
    if (::kill(-id_.pid, signal) != 0)
        ::kill(id_.pid, signal);
}

namespace {

// The state of one run(): what is still open and what has come.
class Conversation {
public:
    Conversation(const std::string& input, const RunLimits& limits) : input_(input), limits_(limits) {}

    Result<void> go(UniqueFd in, int out, int err, int pidfd)
    {
        const auto deadline = Clock::now() + limits_.timeout;
        std::array<int, 3> ends{in.get(), out, err};
        while (ends[0] >= 0 || ends[1] >= 0 || ends[2] >= 0 || !ended_) {
            std::array<pollfd, 5> watch{{{ends[0], POLLOUT, 0},
                                         {ends[1], POLLIN, 0},
                                         {ends[2], POLLIN, 0},
                                         {ended_ ? -1 : pidfd, POLLIN, 0},
                                         {limits_.cancel_descriptor, POLLIN, 0}}};
            // Once the program ended, a grandchild may keep the pipes open for ever: take what is there, no more.
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            const int count = ::poll(watch.data(), watch.size(), ended_ ? 0 : static_cast<int>(std::max<long>(left, 0)));
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return os_error("poll");
            if (count == 0 && ended_)
                return {};
            if (count == 0)
                return make_error(Code::timed_out, "it did not finish in time");
            if (watch[4].revents != 0)
                return make_error(Code::cancelled, "cancelled");
            if (watch[0].revents != 0 && !feed(ends[0])) {
                ends[0] = -1;
                in.reset();  // the program's end of input
            }
            if (watch[1].revents != 0 && !take(ends[1], output.out))
                ends[1] = -1;
            if (watch[2].revents != 0 && !take(ends[2], output.err))
                ends[2] = -1;
            if (watch[2].revents != 0)
                report_lines();
            if (watch[3].revents != 0) {
                ended_ = true;
                ends[0] = -1;
            }
        }
        return {};
    }

    Output output;

private:
    bool feed(int fd)
    {
        if (sent_ == input_.size())
            return false;
        const ssize_t wrote = ::write(fd, input_.data() + sent_, input_.size() - sent_);
        if (wrote < 0)
            return errno == EAGAIN || errno == EINTR;
        sent_ += static_cast<std::size_t>(wrote);
        return sent_ < input_.size();
    }

    bool take(int fd, std::string& into) const
    {
        std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        if (got == 0)
            return false;
        const auto room = limits_.most_output - std::min(limits_.most_output, into.size());
        into.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
        return true;
    }

    void report_lines()
    {
        if (!limits_.on_err_line)
            return;
        for (auto end = output.err.find('\n', reported_); end != std::string::npos;
             end = output.err.find('\n', reported_)) {
            limits_.on_err_line(std::string_view(output.err).substr(reported_, end - reported_));
            reported_ = end + 1;
        }
    }

    const std::string& input_;
    const RunLimits& limits_;
    std::size_t sent_ = 0;
    std::size_t reported_ = 0;
    bool ended_ = false;
};

std::string last_lines(const std::string& text, std::size_t most)
{
    auto end = text.find_last_not_of(" \n\r\t");
    if (end == std::string::npos)
        return {};
    std::string tail = text.substr(0, end + 1);
    if (tail.size() > most)
        tail = "..." + tail.substr(tail.size() - most);
    return tail;
}

void ignore_broken_pipes()
{
    // A program may end before it has read its input; that is no reason for us to die.
    struct sigaction action {};
    if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
        ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

Result<Output> run(Command command, const std::string& input, const RunLimits& limits)
{
    auto in = make_pipe();
    auto out = make_pipe();
    auto err = make_pipe();
    if (!in || !out || !err)
        return os_error("make a pipe");
    ignore_broken_pipes();
    const bool capture = command.out < 0;
    command.in = in->first.get();
    if (capture)
        command.out = out->second.get();
    command.err = err->second.get();
    auto child = spawn(command);
    if (!child)
        return std::move(child).error();
    in->first.reset();
    out->second.reset();
    err->second.reset();
    ::fcntl(in->second.get(), F_SETFL, O_NONBLOCK);
    if (input.empty())
        in->second.reset();
    Conversation talk(input, limits);
    auto went = talk.go(std::move(in->second), capture ? out->first.get() : -1, err->first.get(), child->pidfd());
    if (!went) {
        child->kill_group(SIGKILL);
        (void)child->wait();
        return std::move(went).error().while_doing("run " + command.argv.front());
    }
    auto status = child->wait();
    if (!status)
        return std::move(status).error();
    talk.output.status = *status;
    return std::move(talk.output);
}

Result<Output> run_checked(Command command, const std::string& input, const RunLimits& limits)
{
    const std::string program = command.argv.empty() ? std::string() : command.argv.front();
    auto output = run(std::move(command), input, limits);
    if (!output || output->status == 0)
        return output;
    std::string message = program + " failed with status " + std::to_string(output->status);
    if (const auto tail = last_lines(output->err, 600); !tail.empty())
        message += ": " + tail;
    return make_error(Code::internal, std::move(message));
}

Result<ProcessId> identify(pid_t pid)
{
    auto stat = read_stat(pid);
    if (!stat)
        return std::move(stat).error();
    if (stat->state == 'Z' || stat->state == 'X')
        return make_error(Code::not_found, "process " + std::to_string(pid) + " has ended");
    return ProcessId{pid, stat->start_time};
}

bool is_alive(const ProcessId& id)
{
    if (id.pid <= 0)
        return false;
    auto now = identify(id.pid);
    return now && now->start_time == id.start_time;
}

Result<void> send_signal(const ProcessId& id, int signal)
{
    const UniqueFd pidfd = open_pidfd(id.pid);
    if (!pidfd || !is_alive(id))  // opened first, then verified: it cannot become another process in between
        return make_error(Code::not_found, "no process " + std::to_string(id.pid));
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0U) != 0)
        return os_error("signal process " + std::to_string(id.pid));
    return {};
}

Result<void> kill_and_wait(const ProcessId& id, int signal, std::chrono::milliseconds timeout)
{
    const UniqueFd pidfd = open_pidfd(id.pid);
    // Not is_alive: the first thread of a dying process is a zombie while the last one still holds its files.
    const auto stat = read_stat(id.pid);
    if (!pidfd || !stat || stat->start_time != id.start_time)
        return {};
    if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0U) != 0 && errno != ESRCH)
        return os_error("signal process " + std::to_string(id.pid));
    const auto deadline = Clock::now() + timeout;
    for (;;) {
        pollfd watch{pidfd.get(), POLLIN, 0};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        const int count = ::poll(&watch, 1, static_cast<int>(std::max<long>(left, 0)));
        if (count > 0)
            return {};
        if (count == 0)
            return make_error(Code::timed_out, "process " + std::to_string(id.pid) + " does not end");
        if (errno != EINTR)
            return os_error("poll");
    }
}

std::vector<std::string> arguments_of(pid_t pid)
{
    std::vector<std::string> arguments;
    auto text = read_file("/proc/" + std::to_string(pid) + "/cmdline", 1U << 20U);
    if (!text)
        return arguments;
    for (std::size_t at = 0; at < text->size();) {
        const auto end = std::min(text->find('\0', at), text->size());
        arguments.push_back(text->substr(at, end - at));
        at = end + 1;
    }
    return arguments;
}

std::vector<ProcessId> find_processes(const std::function<bool(const std::vector<std::string>&)>& match)
{
    std::vector<ProcessId> found;
    auto names = list_directory("/proc");
    if (!names)
        return found;
    for (const auto& name : *names) {
        if (name.find_first_not_of("0123456789") != std::string::npos)
            continue;
        const auto pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
        if (const auto arguments = arguments_of(pid); arguments.empty() || !match(arguments))
            continue;
        if (auto id = identify(pid))
            found.push_back(*id);
    }
    return found;
}

Result<std::string> find_program(const std::string& name)
{
    const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    std::string places = (path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
    places += ":/usr/local/sbin:/usr/sbin:/sbin";
    for (std::size_t at = 0; at < places.size();) {
        const auto end = std::min(places.find(':', at), places.size());
        const std::string candidate = places.substr(at, end - at) + "/" + name;
        if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        at = end + 1;
    }
    return make_error(Code::not_found, "there is no program '" + name + "' on this machine");
}

}  // namespace banger::sdk::os
