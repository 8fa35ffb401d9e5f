// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/configure.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include "guest/agent/disks.hpp"
#include "guest/agent/guest_init.hpp"
#include "guest/agent/identity.hpp"
#include "guest/agent/network.hpp"
#include "guest/agent/sshd.hpp"

namespace banger::agent {

sdk::Result<GuestFacts> configure(const Configuration& configuration, GuestState& guest)
{
    set_clock(configuration.clock_ns);
    const bool first = guest.to_init && guest.init.empty();
    if (first)
        if (auto entered = enter_root(configuration, guest); !entered)
            return std::move(entered.error());
    const auto before = first ? Before::nobody : Before::another;
    auto identified = guest.timeline.measure("identity", [&] { return apply_identity(configuration, before); });
    if (!identified)
        return std::move(identified.error());
    auto connected = guest.timeline.measure("network", [&] { return apply_network(configuration, guest.uevents); });
    if (!connected)
        return std::move(connected.error());
    if (first) {
        auto init = choose_init(configuration.init);
        if (!init)
            return std::move(init.error());
        guest.init = init->kind;
        guest.init_path = init->path;
    }

    utsname kernel{};
    uname(&kernel);
    return GuestFacts{kernel.release, guest.init, has_sshd(), guest.root_bytes, guest.timeline.spans()};
}

void release_init(GuestState& guest)
{
    if (!guest.to_init || guest.init.empty())
        return;
    // Its end is the end of the message; an empty one asks for the minimal init.
    const std::string message = "init " + guest.init_path;
    [[maybe_unused]] const auto ignored = write(guest.to_init.get(), message.data(), message.size());
    guest.to_init.reset();
}

}  // namespace banger::agent
