// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/accounts.hpp"
#include "guest/agent/event_loop.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::agent {

/// Everything about a process that is settled before the fork.
struct Launch {
    std::vector<std::string> argv;  ///< argv[0] is searched in the PATH of `env`
    std::function<int()> work;      ///< if set, runs instead of a program; its result is the exit status
    int in = -1;                    ///< if set, becomes stdin instead of a pipe; stays the caller's. Not with a terminal
    std::string name;               ///< what the process sees as its argv[0]; empty: argv[0]
    std::vector<std::string> env;   ///< NAME=value
    std::string cwd;
    Account account;
    bool tty = false;
    WindowSize size{};
};

/// The agent's ends of what a process reads and writes; all non-blocking.
struct ProcessPipes {
    sdk::os::UniqueFd in;   ///< stdin, or the terminal; none where Launch had one
    sdk::os::UniqueFd out;  ///< stdout, or the terminal
    sdk::os::UniqueFd err;  ///< stderr; none with a terminal
};

/// The agent's children. Each has its own session, and so its own process group.
class ProcessTable {
public:
    using OnExit = std::function<void(const ExitStatus&)>;

    explicit ProcessTable(EventLoop& loop) : loop_(loop) {}
    ~ProcessTable();
    ProcessTable(const ProcessTable&) = delete;
    ProcessTable& operator=(const ProcessTable&) = delete;

    struct Started {
        pid_t pid = 0;
        ProcessPipes pipes;
    };
    /// `on_exit` is called once, unless the process is abandoned first. Errors: those of fork, pipes and terminals; a
    /// command that cannot run exits 127 or 126 and says why on its stderr, as in a shell.
    sdk::Result<Started> spawn(const Launch& launch, OnExit on_exit);

    /// Runs `work` in a child, for what would block the loop; the child's exit code is what `work` returns.
    sdk::Result<pid_t> spawn_work(const std::function<int()>& work, OnExit on_exit);

    /// Nobody wants its result any more: SIGHUP to its group, SIGKILL to what is left of the group after three seconds.
    void abandon(pid_t pid);
    /// It runs on, and nobody is told of its end.
    void forget(pid_t pid);

private:
    struct Child {
        sdk::os::UniqueFd pidfd;
        OnExit on_exit;
        EventLoop::Registration watch;
        EventLoop::Registration kill_timer;
    };

    sdk::Result<void> adopt(pid_t pid, OnExit on_exit);
    void on_pidfd(pid_t pid);

    EventLoop& loop_;
    std::map<pid_t, Child> children_;
};

/// Gives a freshly forked child an ordinary process's signals, limits, umask and OOM score.
void become_ordinary_child();

}  // namespace banger::agent
