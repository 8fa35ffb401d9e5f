// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "trial.hpp"

#include <sched.h>
#include <unistd.h>

#include <thread>

#include "firewall.hpp"
#include "links.hpp"
#include "rules.hpp"
#include "tap_device.hpp"

namespace banger::tap {
namespace {

using sdk::Result;

constexpr const char* bridge_name = "bridge0";
constexpr const char* trial_tap = "tap0";
constexpr const char* bridge_mac = "52:54:00:00:00:02";
constexpr Subnet subnet{0xac100000, 24};

Result<void> try_here(const std::string& instance)
{
    auto tap = NewTap::make(trial_tap);
    if (!tap)
        return std::move(tap).error();
    if (auto kept = tap->keep(); !kept)
        return kept;
    auto links = Links::open();
    if (!links)
        return std::move(links).error();
    if (auto made = links->add_bridge(bridge_name, bridge_mac); !made)
        return made;
    auto bridge = links->find(bridge_name);
    if (!bridge || !*bridge)
        return bridge ? sdk::make_error(sdk::Code::internal, "a new bridge is not there") : std::move(bridge).error();
    if (auto added = links->add_port(trial_tap, **bridge); !added)
        return added;
    if (auto isolated = links->isolate(trial_tap, true); !isolated)
        return isolated;
    auto closed = run_nft(rules::of_network({instance, bridge_name, subnet, {subnet.gateway()}, false}) +
                          rules::of_tap(instance, trial_tap) +
                          text_of(rules::to_admit(instance, {trial_tap, "52:54:00:00:00:01", subnet.first_guest(), sdk::Egress::internet})));
    return closed ? Result<void>() : std::move(closed).error();
}

}  // namespace

Result<void> try_elsewhere(const std::string& instance)
{
    Result<void> tried;
    // A thread has a network namespace of its own if it wants to, and that ends with it.
    std::thread([&] {
        tried = ::unshare(CLONE_NEWNET) == 0 ? try_here(instance)
                                             : sdk::os_error("make a network namespace to try taps in")
                                                   .with_hint("run the daemon as root, or use network 'user'");
    }).join();
    return tried;
}

}  // namespace banger::tap
