// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// banger-net-filter --name NAME --egress internet|all
//
// Stands between one VMM and its passt and stops what the guest may not send. It takes one connection on its listening
// socket (descriptor 3), carries frames between it and passt (descriptor 4), and ends when either end does; passt ends
// with it. Whoever connects to descriptor 6 is told what passed. NAME is there to be found in the list of processes.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "filter_descriptors.hpp"
#include "frame_relay.hpp"
#include "sandbox.hpp"
#include "traffic.hpp"

namespace {

using namespace banger;
namespace descriptor = user::filter_descriptor;

int fail(const std::string& reason)
{
    (void)sdk::os::write_all(descriptor::ready, reason);
    return 1;
}

// The VMM's connection, or nothing if passt ends first.
std::optional<int> accept_vmm()
{
    for (;;) {
        std::array<pollfd, 3> watch{
            {{descriptor::listener, POLLIN, 0}, {descriptor::passt, 0, 0}, {descriptor::counters, POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0 && errno != EINTR)
            return std::nullopt;
        if (watch[1].revents != 0)
            return std::nullopt;
        if ((watch[2].revents & POLLIN) != 0)
            user::tell_traffic(descriptor::counters, {});
        if ((watch[0].revents & POLLIN) == 0)
            continue;
        const int vmm = ::accept4(descriptor::listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (vmm >= 0)
            return vmm;
        if (errno != EINTR && errno != ECONNABORTED && errno != EAGAIN)
            return std::nullopt;
    }
}

}  // namespace

int main(int count, char** arguments)
{
    std::optional<sdk::Egress> egress;
    for (int i = 1; i + 1 < count; i += 2)
        if (std::string_view(arguments[i]) == "--egress")
            egress = sdk::egress_from_string(arguments[i + 1]);
    if (!egress || *egress == sdk::Egress::none)
        return fail("banger-net-filter needs --egress internet or all");
    if (auto entered = user::enter_sandbox(); !entered)
        return fail(entered.error().message);
    if (!sdk::os::write_all(descriptor::ready, "+"))
        return 1;
    ::close(descriptor::ready);
    const auto vmm = accept_vmm();
    ::close(descriptor::listener);
    if (vmm)
        user::relay_frames(*vmm, descriptor::passt, *egress, descriptor::counters);
    ::_exit(0);  // what others registered for a program's end may need more than the sandbox has
}
