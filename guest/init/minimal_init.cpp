// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/init/minimal_init.hpp"

#include <dirent.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/console.hpp"
#include "guest/agent/guest_init.hpp"
#include "guest/agent/pidfd.hpp"
#include "guest/agent/services.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds time_to_end{10};
constexpr std::chrono::seconds time_to_die{2};
/// How sessions ended. The agent itself gives a disk that does not answer a little less.
constexpr std::chrono::seconds time_to_record{5};

/// Every process of the guest but this one and the agent; kernel threads have no command line.
std::vector<pid_t> others(pid_t agent)
{
    std::vector<pid_t> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), &closedir);
    while (const dirent* entry = processes ? readdir(processes.get()) : nullptr) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid > 1 && pid != agent && !small_file("/proc/" + std::to_string(pid) + "/cmdline").empty())
            found.push_back(pid);
    }
    return found;
}

void reap_all()
{
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

/// Signals all of them and waits until they are gone, or for so long.
void signal_and_wait(const std::vector<pid_t>& processes, int number, std::chrono::seconds limit)
{
    std::vector<sdk::os::UniqueFd> watched;
    for (const pid_t pid : processes) {
        sdk::os::UniqueFd watch(pidfd_open(pid, 0));
        if (watch && pidfd_send_signal(watch.get(), number, nullptr, 0) == 0)
            watched.push_back(std::move(watch));
    }
    const auto deadline = Clock::now() + limit;
    for (const auto& watch : watched) {
        pollfd waiting{watch.get(), POLLIN, 0};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
        reap_all();
    }
}

/// Everything that can be unmounted is, the newest first; the root becomes read-only.
void let_go_of_disks()
{
    sync();
    std::vector<std::string> targets;
    const std::string mounts = small_file("/proc/self/mounts");
    for (std::size_t at = 0; at < mounts.size();) {
        const auto end = std::min(mounts.find('\n', at), mounts.size());
        const std::string line = mounts.substr(at, end - at);
        at = end + 1;
        const auto first = line.find(' ');
        const auto second = first == std::string::npos ? first : line.find(' ', first + 1);
        if (line.starts_with("/dev/") && second != std::string::npos)
            targets.push_back(line.substr(first + 1, second - first - 1));
    }
    for (auto target = targets.rbegin(); target != targets.rend(); ++target)
        if (*target != "/")
            umount2(target->c_str(), 0);
    mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
    sync();
}

[[noreturn]] void shut_down(pid_t agent, int how)
{
    signal_and_wait(others(agent), SIGTERM, time_to_end);
    signal_and_wait(others(agent), SIGKILL, time_to_die);
    signal_and_wait({agent}, Services::end_signal, time_to_record);
    let_go_of_disks();
    reboot(how);
    for (;;)
        pause();
}

}  // namespace

void run_minimal_init(pid_t agent)
{
    prctl(PR_SET_NAME, "banger-init");
    sigset_t awaited;
    sigemptyset(&awaited);
    for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGPWR, SIGRTMIN + 4, SIGRTMIN + 5})
        sigaddset(&awaited, number);
    sigprocmask(SIG_BLOCK, &awaited, nullptr);
    const int off = ends_by_reboot() ? RB_AUTOBOOT : RB_POWER_OFF;
    reboot(RB_DISABLE_CAD);  // Ctrl-Alt-Del becomes SIGINT to us
    for (;;) {
        if (kill(agent, 0) != 0) {
            say_on_console("the agent ended; the machine goes off");
            shut_down(agent, off);
        }
        const int got = sigwaitinfo(&awaited, nullptr);
        reap_all();
        if (got == SIGRTMIN + 4 || got == SIGTERM || got == SIGPWR)
            shut_down(agent, off);
        if (got == SIGRTMIN + 5 || got == SIGINT)
            shut_down(agent, RB_AUTOBOOT);
    }
}

}  // namespace banger::agent
