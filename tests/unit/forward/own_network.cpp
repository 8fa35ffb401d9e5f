// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A network namespace for all tests of this program: the agent that they run names every listener that there is, and other
// programs of this host may have thousands, or the ports that a test has.
#include "tests/unit/forward/own_network.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "banger/sdk/os/file.hpp"

namespace banger::forward {
namespace {

bool is_own = false;

bool enter_own_network()
{
    const std::string user = std::to_string(::getuid());
    if (::unshare(CLONE_NEWNET) != 0) {
        // Nobody's but in a user namespace, where this user stays who he is.
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
            return false;
        const auto map = sdk::os::open_file("/proc/self/uid_map", O_WRONLY);
        if (!map || !sdk::os::write_all(map->get(), user + " " + user + " 1"))
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
