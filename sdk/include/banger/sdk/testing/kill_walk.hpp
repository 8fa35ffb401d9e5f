// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>

#include "banger/sdk/result.hpp"

namespace banger::sdk::testing {

/// What became of a process that was to be killed.
enum class Walked { killed, finished };

/// Runs `body` in a child process, which is killed just before its n-th step (from 1): a system call that changes files,
/// devices or, by a netlink socket, the network. `finished` if the body takes fewer steps; it says that it failed by
/// ending the child with another status than 0, which is an error here. Needs no seam in what is
/// tested, since it watches the child as a debugger does (ptrace(2)); `unsupported` where that is forbidden. The caller
/// runs no other threads that the body needs: they are not in the child.
class KillWalk {
public:
    static Result<Walked> before_step(unsigned n, const std::function<void()>& body)
    {
        const pid_t child = ::fork();
        if (child < 0)
            return os_error("start a process");
        if (child == 0)
            run(body);
        bool reaped = false;
        auto walked = watch(child, n, reaped);
        if (!reaped) {
            int status = 0;
            ::kill(child, SIGKILL);
            while (::waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
            }
        }
        return walked;
    }

private:
    [[noreturn]] static void run(const std::function<void()>& body)
    {
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
            ::_exit(1);
        (void)::raise(SIGSTOP);
        body();
        ::_exit(0);
    }

    static Result<Walked> watch(pid_t child, unsigned n, bool& reaped)
    {
        int status = 0;
        if (::waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
            reaped = true;
            return make_error(Code::unsupported, "no process may be traced here");
        }
        if (::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
            return os_error("trace a process");
        for (unsigned steps = 0;;) {
            const bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
            if (is_call && enters_a_step(child) && ++steps == n)
                return Walked::killed;
            const long signal = is_call || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
            if (::ptrace(PTRACE_SYSCALL, child, nullptr, signal) != 0)
                return os_error("trace a process");
            if (::waitpid(child, &status, 0) != child)
                return os_error("wait for a process");
            reaped = WIFEXITED(status) || WIFSIGNALED(status);
            if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
                return make_error(Code::internal, "what was to be killed failed by itself");
            if (WIFEXITED(status))
                return Walked::finished;
            if (WIFSIGNALED(status))
                return make_error(Code::internal, "the process ended by signal " + std::to_string(WTERMSIG(status)));
        }
    }

    static bool enters_a_step(pid_t child)
    {
        __ptrace_syscall_info info{};
        if (::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
            return false;
        const auto call = static_cast<long>(info.entry.nr);
        if (call == SYS_openat)
            return (info.entry.args[2] & (O_CREAT | O_TRUNC)) != 0;
        return std::find(steps_.begin(), steps_.end(), call) != steps_.end();
    }

    // Those that exist under this name everywhere, and the older ones that x86 has beside them.
    static constexpr std::array steps_{
        SYS_write,    SYS_pwrite64,  SYS_ftruncate, SYS_fchmod,   SYS_fchmodat, SYS_renameat,
        SYS_linkat,   SYS_renameat2, SYS_unlinkat,  SYS_symlinkat, SYS_mkdirat, SYS_ioctl,
        SYS_sendmsg,  SYS_sendto,
#ifdef __x86_64__
        SYS_rename,   SYS_link,      SYS_unlink,    SYS_symlink,  SYS_chmod,    SYS_mkdir,
#endif
    };
};

}  // namespace banger::sdk::testing
