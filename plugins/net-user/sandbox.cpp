// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "sandbox.hpp"

#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

namespace banger::user {
namespace {

#if defined(__x86_64__)
constexpr unsigned architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned architecture = AUDIT_ARCH_AARCH64;
#else
#error "name this architecture's AUDIT_ARCH (linux/audit.h)"
#endif

constexpr uid_t nobody = 65534;

constexpr unsigned allowed_calls[] = {
    SYS_read,       SYS_write,        SYS_recvfrom,        SYS_sendto, SYS_accept4, SYS_close,  SYS_ppoll,  SYS_exit,
    SYS_exit_group, SYS_rt_sigreturn, SYS_restart_syscall, SYS_brk,    SYS_mmap,    SYS_munmap, SYS_mremap, SYS_madvise,
#ifdef SYS_poll
    SYS_poll,
#endif
};

// A user namespace without that id keeps its root, who is nobody outside.
sdk::Result<void> become_nobody()
{
    if (::geteuid() != 0)
        return {};
    if (::setgroups(0, nullptr) != 0 && errno != EPERM)
        return sdk::os_error("drop the groups of root");
    if ((::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0) && errno != EINVAL)
        return sdk::os_error("become nobody");
    return {};
}

// seccomp(2), and Documentation/userspace-api/seccomp_filter.rst: the architecture first, as call numbers depend on it.
std::vector<sock_filter> call_filter()
{
    std::vector<sock_filter> filter{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    };
    for (const unsigned call : allowed_calls) {
        filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    return filter;
}

}  // namespace

sdk::Result<void> enter_sandbox()
{
    if (auto became = become_nobody(); !became)
        return became;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return sdk::os_error("give up new privileges");
    auto filter = call_filter();
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return sdk::os_error("filter system calls");
    return {};
}

}  // namespace banger::user
