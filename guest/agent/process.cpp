// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "guest/agent/pidfd.hpp"
#include "guest/agent/terminal.hpp"

namespace banger::agent {
namespace {

constexpr std::chrono::milliseconds kill_delay{3000};
/// Fewer and longer reads of what a command writes; the kernel rounds it and may refuse, which does no harm.
constexpr int pipe_size = 1024 * 1024;
constexpr int exit_not_found = 127;
constexpr int exit_cannot_run = 126;

struct PipePair {
    sdk::os::UniqueFd read;
    sdk::os::UniqueFd write;
};

sdk::Result<PipePair> make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sdk::os_error("make a pipe");
    fcntl(ends[0], F_SETPIPE_SZ, pipe_size);
    return PipePair{sdk::os::UniqueFd(ends[0]), sdk::os::UniqueFd(ends[1])};
}

void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

sdk::os::UniqueFd copy_of(int fd)
{
    return sdk::os::UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

sdk::Result<PipePair> copy_of_input(int fd)
{
    PipePair pair{copy_of(fd), {}};
    return pair.read ? sdk::Result<PipePair>(std::move(pair)) : sdk::os_error("copy a descriptor");
}

/// What the child gets as descriptors 0, 1 and 2.
struct ChildEnds {
    sdk::os::UniqueFd in, out, err;
};

sdk::Result<std::pair<ProcessPipes, ChildEnds>> open_pipes(const Launch& launch)
{
    auto in = launch.in < 0 ? make_pipe() : copy_of_input(launch.in);
    auto out = make_pipe();
    auto err = make_pipe();
    for (auto* pipe : {&in, &out, &err})
        if (!*pipe)
            return std::move(pipe->error());
    for (int fd : {in->write.get(), out->read.get(), err->read.get()})
        if (fd >= 0)
            set_nonblocking(fd);
    return std::make_pair(ProcessPipes{std::move(in->write), std::move(out->read), std::move(err->read)},
                          ChildEnds{std::move(in->read), std::move(out->write), std::move(err->write)});
}

sdk::Result<std::pair<ProcessPipes, ChildEnds>> open_tty(const Launch& launch)
{
    auto terminal = open_terminal(launch.size, launch.account.uid);
    if (!terminal)
        return std::move(terminal.error());
    set_nonblocking(terminal->master.get());
    ProcessPipes ours{copy_of(terminal->master.get()), std::move(terminal->master), {}};
    ChildEnds theirs{copy_of(terminal->slave.get()), copy_of(terminal->slave.get()), std::move(terminal->slave)};
    return std::make_pair(std::move(ours), std::move(theirs));
}

[[noreturn]] void give_up(int code, const std::string& sentence)
{
    const std::string line = "banger: " + sentence + "\n";
    [[maybe_unused]] const auto ignored = write(STDERR_FILENO, line.data(), line.size());
    _exit(code);
}

std::vector<char*> pointers(const std::vector<std::string>& texts)
{
    std::vector<char*> list;
    for (const auto& text : texts)
        list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

void take_identity(const Account& account)
{
    if (geteuid() != 0)
        return;  // an agent without privileges can only be itself
    if (setgroups(account.groups.size(), account.groups.data()) != 0 ||
        setresgid(account.gid, account.gid, account.gid) != 0 || setresuid(account.uid, account.uid, account.uid) != 0)
        give_up(exit_cannot_run, "cannot become user " + std::to_string(account.uid) + ": " + std::strerror(errno));
}

/// Everything between fork and exec. Single-threaded parent: allocating here is safe.
[[noreturn]] void run_child(const Launch& launch, const ChildEnds& ends)
{
    become_ordinary_child();
    setsid();
    dup2(ends.in.get(), STDIN_FILENO);
    dup2(ends.out.get(), STDOUT_FILENO);
    dup2(ends.err.get(), STDERR_FILENO);
    if (launch.tty)
        adopt_terminal(STDIN_FILENO);
    close_range(3, ~0U, 0);
    take_identity(launch.account);
    if (chdir(launch.cwd.c_str()) != 0)
        give_up(exit_cannot_run, "cannot change to directory '" + launch.cwd + "': " + std::strerror(errno));

    if (launch.work)
        _exit(launch.work());
    auto argv = pointers(launch.argv);
    if (!launch.name.empty())
        argv[0] = const_cast<char*>(launch.name.c_str());
    auto env = pointers(launch.env);
    environ = env.data();
    execvp(launch.argv[0].c_str(), argv.data());  // searches the PATH that `environ` has now
    if (errno == ENOENT || errno == ENOTDIR)
        give_up(exit_not_found, launch.argv[0] + ": not found");
    give_up(exit_cannot_run, launch.argv[0] + ": cannot be run: " + std::strerror(errno));
}

ExitStatus status_of(const siginfo_t& ended)
{
    if (ended.si_code == CLD_EXITED)
        return {ended.si_status, 0};
    return {0, ended.si_status};
}

}  // namespace

void become_ordinary_child()
{
    for (int number = 1; number < NSIG; ++number)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    umask(022);
    // What systemd gives its services; the kernel's own default of 4096 is too low for builds and databases.
    const rlimit files{1024, 524288};
    setrlimit(RLIMIT_NOFILE, &files);
    const int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (oom >= 0) {
        [[maybe_unused]] const auto ignored = write(oom, "0", 1);
        close(oom);
    }
}

ProcessTable::~ProcessTable()
{
    for (const auto& [pid, child] : children_)
        kill(-pid, SIGKILL);
}

sdk::Result<void> ProcessTable::adopt(pid_t pid, OnExit on_exit)
{
    Child child{sdk::os::UniqueFd(pidfd_open(pid, 0)), std::move(on_exit), {}, {}};
    if (!child.pidfd) {
        auto error = sdk::os_error("watch a process");
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        return error;
    }
    child.watch = loop_.watch(child.pidfd.get(), EPOLLIN, [this, pid](std::uint32_t) { on_pidfd(pid); });
    children_.emplace(pid, std::move(child));
    return {};
}

sdk::Result<ProcessTable::Started> ProcessTable::spawn(const Launch& launch, OnExit on_exit)
{
    auto ends = launch.tty ? open_tty(launch) : open_pipes(launch);
    if (!ends)
        return std::move(ends.error());
    // A signal that reaches the child before it is an ordinary one waits until it is, and is not lost to our own
    // dispositions.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0)
        run_child(launch, ends->second);
    const int error = errno;
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0)
        return sdk::os_error("start a process", error);
    if (auto adopted = adopt(pid, std::move(on_exit)); !adopted)
        return std::move(adopted.error());
    return Started{pid, std::move(ends->first)};
}

sdk::Result<pid_t> ProcessTable::spawn_work(const std::function<int()>& work, OnExit on_exit)
{
    const pid_t pid = fork();
    if (pid < 0)
        return sdk::os_error("start a process");
    if (pid == 0) {
        setsid();
        _exit(work());
    }
    if (auto adopted = adopt(pid, std::move(on_exit)); !adopted)
        return std::move(adopted.error());
    return pid;
}

void ProcessTable::on_pidfd(pid_t pid)
{
    const auto found = children_.find(pid);
    if (found == children_.end())
        return;
    auto& child = found->second;
    if (child.kill_timer)
        return;  // abandoned: as a zombie it keeps its number, and so its group's, from being used again
    siginfo_t ended{};
    if (waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &ended, WEXITED) != 0)
        return;
    const auto on_exit = std::move(child.on_exit);
    children_.erase(found);
    if (on_exit)
        on_exit(status_of(ended));
}

void ProcessTable::forget(pid_t pid)
{
    if (const auto found = children_.find(pid); found != children_.end())
        found->second.on_exit = nullptr;
}

void ProcessTable::abandon(pid_t pid)
{
    const auto found = children_.find(pid);
    if (found == children_.end())
        return;
    auto& child = found->second;
    child.on_exit = nullptr;
    kill(-pid, SIGHUP);
    kill(-pid, SIGCONT);  // a stopped process would not see it
    child.kill_timer = loop_.after(kill_delay, [this, pid] {
        kill(-pid, SIGKILL);
        const auto late = children_.find(pid);
        if (late == children_.end())
            return;
        // Dead already: it goes now. Else, say in an uninterruptible write, on_pidfd reaps it when it does die.
        late->second.kill_timer.reset();
        siginfo_t ended{};
        if (waitid(P_PIDFD, static_cast<id_t>(late->second.pidfd.get()), &ended, WEXITED | WNOHANG) == 0 &&
            ended.si_pid != 0)
            children_.erase(late);
    });
}

}  // namespace banger::agent
