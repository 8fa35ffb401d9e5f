// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// net-tap, killed at any of its steps.
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "banger/sdk/testing/kill_walk.hpp"
#include "host_network.hpp"
#include "tests/integration/tap_fixture.hpp"

namespace banger::tap {
namespace {

using sdk::Code;

/// A provider whose process is killed before each of its steps (KillWalk): what there is then is found and goes, and a
/// neighbour is not touched.
class KilledTap : public Tap {
protected:
    using Verb = std::function<void(sdk::Network&)>;

    /// For every step of the verb: the host as `before` leaves it, the verb, and what a new provider finds.
    void walk(const sdk::LinkSpec& spec, const std::function<void()>& before, const Verb& verb)
    {
        for (unsigned step = 1; !HasFailure(); ++step) {
            SCOPED_TRACE("killed before step " + std::to_string(step));
            network.reset();
            const auto there = interfaces();
            reopen();
            before();
            network.reset();  // its thread would not be in the child
            const auto walked = sdk::testing::KillWalk::before_step(step, [&] { verb(*make_network(host, config)); });
            if (!walked && walked.error().code == Code::unsupported)
                GTEST_SKIP() << walked.error().message;
            ASSERT_TRUE(walked) << walked.error().message;
            reopen();
            // By its key alone, as the journal has it.
            EXPECT_TRUE(network->release(link_of(spec)));
            const auto found = network->inspect(link_of(spec));
            EXPECT_TRUE(found && !found->present);
            const auto attached = must_attach(spec);
            EXPECT_TRUE(network->release(attached.handle));
            network.reset();
            EXPECT_EQ(interfaces(), there);
            EXPECT_EQ(said({"nft", "list", "tables"}).empty(), there.size() == 1) << "but for lo";
            reopen();
            if (*walked == sdk::testing::Walked::finished) {
                EXPECT_GT(step, 1U) << "it took no step at all";
                return;
            }
        }
    }
    static sdk::Handle link_of(const sdk::LinkSpec& spec) { return {"network/0", "tap", "link", spec.owner, {}}; }
    template <typename T>
    static void succeed_or_exit(const sdk::Result<T>& done)
    {
        if (!done)
            ::_exit(1);
    }
    static std::vector<std::string> interfaces()
    {
        std::vector<std::string> names;
        std::istringstream lines(said({"ip", "-br", "link"}));
        for (std::string line; std::getline(lines, line);)
            names.push_back(line.substr(0, line.find(' ')));
        return names;
    }
};

TEST_F(KilledTap, WhereThereWasNothingNothingIsLeft)
{
    config.pool = 0;
    const auto spec = new_spec();
    walk(spec, [] {}, [&](sdk::Network& killed) { succeed_or_exit(killed.attach(spec, call)); });
    walk(spec, [&] { EXPECT_TRUE(network->attach(spec, call)); },
         [&](sdk::Network& killed) { succeed_or_exit(killed.connect(link_of(spec), call)); });
}

TEST_F(KilledTap, BesideANeighbourNothingIsLeftWhicheverVerbItWas)
{
    config.pool = 0;
    reopen();
    const auto neighbour = must_attach(new_spec());
    const auto spec = new_spec();
    walk(spec, [] {}, [&](sdk::Network& killed) { succeed_or_exit(killed.attach(spec, call)); });
    walk(spec, [&] { EXPECT_TRUE(network->attach(spec, call)); },
         [&](sdk::Network& killed) { succeed_or_exit(killed.connect(link_of(spec), call)); });
    Config with_pool = config;
    with_pool.pool = 1;
    walk(spec, [] {}, [&](sdk::Network& killed) {
        Firewall firewall(rules::table_of(host.instance()));
        auto own = HostNetwork::lock(host, with_pool, firewall);
        succeed_or_exit(own ? own->fill_pool() : own.error());
        own = sdk::make_error(Code::cancelled, "others want the lock");
        succeed_or_exit(killed.attach(spec, call));
        succeed_or_exit(killed.connect(link_of(spec), call));
    });
    walk(spec, [&] { (void)must_attach(spec); },
         [&](sdk::Network& killed) { succeed_or_exit(killed.release(link_of(spec))); });
    EXPECT_TRUE(network->inspect(neighbour.handle)->present);
}

}  // namespace
}  // namespace banger::tap
