// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <map>

#include "banger/sdk/os/file.hpp"
#include "pipe.hpp"

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
    if (command.umask)
        ::umask(*command.umask);

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
    pid_t session = 0;
    std::uint64_t cpu_ticks = 0;  // in user mode and in the kernel
    std::uint64_t start_time = 0;
    std::uint64_t resident_pages = 0;
};

Result<Stat> read_stat(pid_t pid)
{
    auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!text && text.error().code != Code::not_found)
        return std::move(text).error();  // it may well live
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
        if (field == 6)
            stat.session = static_cast<pid_t>(std::strtol(text->c_str() + at, nullptr, 10));
        if (field == 14 || field == 15)
            stat.cpu_ticks += std::strtoull(text->c_str() + at, nullptr, 10);
        if (field == 22)
            stat.start_time = std::strtoull(text->c_str() + at, nullptr, 10);
        if (field == 24) {
            stat.resident_pages = std::strtoull(text->c_str() + at, nullptr, 10);
            return stat;
        }
        at = end + 1;
        ++field;
    }
    return make_error(Code::not_found, "no process " + std::to_string(pid));
}

Result<std::vector<pid_t>> all_processes()
{
    auto names = list_directory("/proc");
    if (!names)
        return std::move(names).error();
    std::vector<pid_t> pids;
    for (const auto& name : *names)
        if (name.find_first_not_of("0123456789") == std::string::npos)
            pids.push_back(static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10)));
    return pids;
}

std::vector<pid_t> members_of_session(pid_t session)
{
    std::vector<pid_t> members = all_processes().value_or({});
    std::erase_if(members, [&](pid_t pid) {
        const auto stat = read_stat(pid);
        return !stat || stat->session != session || stat->state == 'Z';
    });
    return members;
}

void wait_for_death(int pidfd)
{
    constexpr int longest_death_ms = 5000;
    pollfd watch{pidfd, POLLIN, 0};
    while (::poll(&watch, 1, longest_death_ms) < 0 && errno == EINTR) {
    }
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
        return std::move(report ? pid_pipe : report).error();
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
    auto id = identify(pid);
    if (!id && id.error().code == Code::not_found)
        return make_error(Code::unavailable, prepared->program + " ended at once");
    return id;
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

void Child::end_group()
{
    kill_group(SIGKILL);
    wait_for_death(pidfd_.get());
    siginfo_t info{};
    // Not reaped: it hangs in the kernel, and stays there whoever waits.
    while (::waitid(P_PID, static_cast<id_t>(id_.pid), &info, WEXITED | WNOHANG) != 0 && errno == EINTR) {
    }
    // What it started dies with it, but only nearly at the same time, and holds its files until then.
    for (const pid_t pid : members_of_session(id_.pid))
        if (const UniqueFd pidfd = open_pidfd(pid))
            wait_for_death(pidfd.get());
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

Result<ProcessUse> use_of(pid_t pid)
{
    auto stat = read_stat(pid);
    if (!stat)
        return std::move(stat).error();
    const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return ProcessUse{std::chrono::milliseconds(stat->cpu_ticks * 1000 / ticks_per_second),
                      stat->resident_pages * page_bytes};
}

bool is_alive(const ProcessId& id)
{
    if (id.pid <= 0)
        return false;
    auto now = identify(id.pid);
    return now && now->start_time == id.start_time;
}

Result<UniqueFd> watch_process(const ProcessId& id)
{
    UniqueFd pidfd = open_pidfd(id.pid);
    if (!pidfd)
        return os_error("watch process " + std::to_string(id.pid));
    // Opened first, then verified: it cannot become another process in between.
    auto now = identify(id.pid);
    if (!now)
        return std::move(now).error();
    if (now->start_time != id.start_time)
        return make_error(Code::not_found, "no process " + std::to_string(id.pid));
    return pidfd;
}

Result<void> send_signal(const ProcessId& id, int signal)
{
    auto pidfd = watch_process(id);
    if (!pidfd)
        return std::move(pidfd).error();
    if (::syscall(SYS_pidfd_send_signal, pidfd->get(), signal, nullptr, 0U) != 0)
        return os_error("signal process " + std::to_string(id.pid));
    return {};
}

Result<void> kill_and_wait(const ProcessId& id, int signal, std::chrono::milliseconds timeout)
{
    const std::string watching = "watch process " + std::to_string(id.pid);
    const UniqueFd pidfd = open_pidfd(id.pid);
    // Only this says that it is gone: a process without free descriptors cannot tell.
    if (!pidfd && (errno == ESRCH || id.pid <= 0))
        return {};
    if (!pidfd)
        return os_error(watching);
    // Not identify: the first thread of a dying process is a zombie while the last one still holds its files.
    auto stat = read_stat(id.pid);
    if (!stat && stat.error().code != Code::not_found)
        return std::move(stat).error().while_doing(watching);
    if (!stat || stat->start_time != id.start_time)
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

Result<std::vector<std::string>> arguments_of(pid_t pid)
{
    auto text = read_file("/proc/" + std::to_string(pid) + "/cmdline", 1U << 20U);
    if (!text)
        return std::move(text).error();
    std::vector<std::string> arguments;
    for (std::size_t at = 0; at < text->size();) {
        const auto end = std::min(text->find('\0', at), text->size());
        arguments.push_back(text->substr(at, end - at));
        at = end + 1;
    }
    return arguments;
}

Result<bool> has_open(pid_t pid, const std::string& path)
{
    struct stat wanted {};
    if (::stat(path.c_str(), &wanted) != 0)
        return errno == ENOENT ? Result<bool>(false) : os_error("look at " + path);
    const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
    auto descriptors = list_directory(directory);
    if (!descriptors)
        return std::move(descriptors).error();
    return std::any_of(descriptors->begin(), descriptors->end(), [&](const std::string& descriptor) {
        struct stat open {};
        return ::stat((directory + "/" + descriptor).c_str(), &open) == 0 && open.st_dev == wanted.st_dev &&
               open.st_ino == wanted.st_ino;
    });
}

Result<std::vector<ProcessId>> find_processes(const std::function<bool(const std::vector<std::string>&)>& match)
{
    // Gone meanwhile, or somebody's who hides it (proc(5), hidepid); anything else, and nobody knows who is missing.
    const auto may_be_left_out = [](const Error& error) {
        return error.code == Code::not_found || error.code == Code::permission;
    };
    auto pids = all_processes();
    if (!pids)
        return std::move(pids).error();
    std::vector<ProcessId> found;
    for (const pid_t pid : *pids) {
        auto arguments = arguments_of(pid);
        if (!arguments && !may_be_left_out(arguments.error()))
            return std::move(arguments).error();
        if (!arguments || arguments->empty() || !match(*arguments))
            continue;
        auto id = identify(pid);
        if (!id && !may_be_left_out(id.error()))
            return std::move(id).error();
        if (id)
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
