// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A network namespace for all tests of this program: the agent that they run names every listener that there is, and other
// programs of this host may have thousands, or the ports that a test has.
#include "tests/unit/forward/own_network.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "banger/sdk/os/file.hpp"

namespace banger::forward {
namespace {

bool is_own = false;

// In a user namespace its first process may do all and what it starts nothing (capabilities(7)): whoever changes this network,
// and whoever looks whose a port is, has to have more than that.
bool hand_on_rights()
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct rights[2] = {};
    if (::syscall(SYS_capget, &header, rights) != 0)
        return false;
    constexpr unsigned wanted[] = {CAP_NET_ADMIN, CAP_SYS_PTRACE};
    for (const unsigned one : wanted)
        rights[0].inheritable |= 1U << one;
    if (::syscall(SYS_capset, &header, rights) != 0)
        return false;
    return std::all_of(std::begin(wanted), std::end(wanted),
                       [](unsigned one) { return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, one, 0, 0) == 0; });
}

bool enter_own_network()
{
    const std::string user = std::to_string(::getuid());
    if (::unshare(CLONE_NEWNET) != 0) {
        // Nobody's but in a user namespace, where this user stays who he is.
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
            return false;
        const auto map = sdk::os::open_file("/proc/self/uid_map", O_WRONLY);
        if (!map || !sdk::os::write_all(map->get(), user + " " + user + " 1") || !hand_on_rights())
            return false;
    }
    const sdk::os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq loopback{};
    std::string("lo").copy(loopback.ifr_name, IFNAMSIZ - 1);
    loopback.ifr_flags = IFF_UP;
    return ::ioctl(socket.get(), SIOCSIFFLAGS, &loopback) == 0;
}

// Some hosts make such a namespace and then allow nothing in it, from which there is no way back: a child tries.
bool can_enter()
{
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(enter_own_network() ? 0 : 1);
    int status = 1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

class OwnNetwork final : public ::testing::Environment {
public:
    void SetUp() override
    {
        if (!can_enter())
            return;  // it is this host's network, and what would change it is skipped
        ASSERT_TRUE(enter_own_network());
        is_own = true;
    }
};

[[maybe_unused]] const auto* const environment = ::testing::AddGlobalTestEnvironment(new OwnNetwork);

}  // namespace

bool has_own_network()
{
    return is_own;
}

}  // namespace banger::forward
