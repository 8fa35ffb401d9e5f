// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// A program to start. It inherits no descriptor but those named, an empty signal mask and default signal actions.
struct Command {
    std::vector<std::string> argv;                          ///< argv[0] is looked up in PATH unless it has a slash
    std::vector<std::pair<std::string, std::string>> environment;  ///< added to, or replacing, the caller's
    std::string directory;                                  ///< working directory; empty: the caller's
    int in = -1;                                            ///< -1: /dev/null
    int out = -1;                                           ///< -1: /dev/null
    int err = -1;                                           ///< -1: /dev/null
    std::vector<std::pair<int, int>> descriptors;           ///< (ours, number in the child)
    std::optional<mode_t> umask;                            ///< for the files that it makes; none: the caller's
    bool new_session = true;                                ///< its own session, so no terminal signal reaches it
    bool die_with_parent = false;                           ///< SIGKILL when the thread that started it ends
};

/// A process, told apart from a later one with the same pid.
struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start_time = 0;  ///< clock ticks since boot: field 22 of /proc/pid/stat (proc(5))

    friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

/// A child of this process. Destroying it does not end it; `wait` it, or it stays a zombie.
class Child {
public:
    Child(ProcessId id, UniqueFd pidfd) : id_(id), pidfd_(std::move(pidfd)) {}

    [[nodiscard]] const ProcessId& id() const { return id_; }
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    /// Blocks until it ends: its exit status, or 128 + signal.
    Result<int> wait();
    /// Signals the child's process group if it leads a session, else the child.
    void kill_group(int signal) const;
    /// Ends it and, if it leads a session, all that it started there, and returns when they are gone (bounded: 5 s for
    /// each that hangs in the kernel).
    void end_group();

private:
    ProcessId id_;
    UniqueFd pidfd_;
};

/// Starts a child. `not_found` if there is no such program.
Result<Child> spawn(const Command& command);

/// Starts a process that is nobody's child here: it outlives us and leaves us no zombie. `unavailable` if it has ended
/// by the time this returns.
Result<ProcessId> spawn_detached(const Command& command);

struct Output {
    int status = 0;   ///< exit status, or 128 + signal
    std::string out;
    std::string err;
};

struct RunLimits {
    std::chrono::milliseconds timeout{60'000};
    int cancel_descriptor = -1;                  ///< readable: stop (see Call::cancel_descriptor)
    std::size_t most_output = 16U << 20U;        ///< bytes kept of each stream; the rest is read and dropped
    std::function<void(std::string_view)> on_err_line;  ///< each line of standard error as it comes
};

/// Runs a program to its end and collects what it prints, feeding it `input`. command.in/out/err must be unset, except
/// that a set `out` goes there instead. On timeout or cancellation its whole session is killed and reaped.
Result<Output> run(Command command, const std::string& input = {}, const RunLimits& limits = {});

/// The same, where anything but status 0 is an error that quotes the last lines of standard error.
Result<Output> run_checked(Command command, const std::string& input = {}, const RunLimits& limits = {});

/// The process that has this pid now. `not_found` if there is none, or it is a zombie; any other error says that it
/// cannot be told, as when we have no descriptor left. So it is with all that follow.
Result<ProcessId> identify(pid_t pid);
/// Alive, not a zombie, and not merely a later process with the same pid. Also false where it cannot be told: whoever
/// takes it for dead then asks identify.
bool is_alive(const ProcessId& id);
/// A descriptor that becomes readable when it has ended. `not_found` if it is not alive.
Result<UniqueFd> watch_process(const ProcessId& id);
/// Sends it a signal. `not_found` if it is not alive.
Result<void> send_signal(const ProcessId& id, int signal);
/// Signals it if it is alive and waits until all its threads are gone, and with them what it held open. `timed_out`
/// if they are not. Gone already is success.
Result<void> kill_and_wait(const ProcessId& id, int signal, std::chrono::milliseconds timeout);
/// What a process has of the host.
struct ProcessUse {
    std::chrono::milliseconds cpu{0};   ///< time of its threads on processors so far; no finer than a clock tick, 10 ms
    std::uint64_t resident_bytes = 0;   ///< memory in RAM, shared parts included
};
/// From /proc/pid/stat (proc(5)). `not_found` if there is no such process.
Result<ProcessUse> use_of(pid_t pid);
/// The arguments of a process as it shows them: empty for a thread of the kernel and for a process that is just dying.
Result<std::vector<std::string>> arguments_of(pid_t pid);
/// Whether a process has this file open, under whatever name (proc(5), /proc/pid/fd). `permission` for those of others.
Result<bool> has_open(pid_t pid, const std::string& path);
/// Every process whose arguments satisfy `match`.
Result<std::vector<ProcessId>> find_processes(const std::function<bool(const std::vector<std::string>&)>& match);
/// Absolute path of a program in PATH (and the sbin directories, which users may lack). `not_found` otherwise.
Result<std::string> find_program(const std::string& name);

}  // namespace banger::sdk::os
