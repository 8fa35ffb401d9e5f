// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/reach.hpp"

#include <gmock/gmock.h>

#include "core/base/fault.hpp"
#include "core/lifecycle/delete.hpp"
#include "core/lifecycle/name_route.hpp"
#include "core/lifecycle/operation.hpp"
#include "core/plugins/kinds.hpp"
#include "engine_world.hpp"

namespace banger::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReachTest : public EngineWorld {
protected:
    ReachTest() : EngineWorld({"fakes", "fake-dns"}), engine(fresh())
    {
        engine->publish_ports = [this](const std::string& vm, const std::string& address) {
            ports.push_back(vm + " on " + address);
        };
        engine->withdraw_ports = [this](const std::string& vm) { ports.push_back(vm + " gone"); };
        engine->open_reach_later = [this](const std::string& vm) { late.push_back(vm); };
    }
    std::vector<std::string> names()
    {
        std::vector<std::string> lines;
        const auto records = provider<sdk::Dns>("fake")->list();
        for (const auto& record : *records)
            lines.push_back(record.name + " " + record.addresses.front());
        return lines;
    }

    std::unique_ptr<Engine> engine;
    std::vector<std::string> ports;
    std::vector<std::string> late;
    Operation retry{"names", nullptr};
};

TEST_F(ReachTest, AMachineBehindUserNetworkingGetsAnAddressANameAndItsPorts)
{
    const auto vm = add("aabbccddee01", "fake", "fake");
    ASSERT_TRUE(open_reach(*engine, vm, call_));
    const auto reach = reach_of(*engine, vm, call_);
    ASSERT_TRUE(reach) << reach.error().message;
    EXPECT_FALSE(reach->is_guests);
    EXPECT_TRUE(reach->address.starts_with("127.86."));
    EXPECT_THAT(names(), ElementsAre(vm.name + ".vm " + reach->address));
    EXPECT_THAT(ports, ElementsAre(vm.id + " on " + reach->address));
    EXPECT_EQ(full_name(*engine, vm, call_), vm.name + ".vm");

    close_reach(*engine, vm, call_);
    close_reach(*engine, vm, call_);
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_EQ(ports.back(), vm.id + " gone");
    loop_.poll();
    EXPECT_TRUE(loop_.stopped()) << "names are there and gone when the call is over: nothing of it waits for a turn or a timer";
    EXPECT_EQ(reach_of(*engine, vm, call_)->address, "");
}

TEST_F(ReachTest, WhoPublishesNothingStillHasAName)
{
    auto vm = add("aabbccddee02", "fake", "fake");
    vm.publish = model::Publish::none;
    ASSERT_TRUE(open_reach(*engine, vm, call_));
    EXPECT_EQ(names().size(), 1U);
    EXPECT_THAT(ports, IsEmpty());
    close_reach(*engine, vm, call_);
}

TEST_F(ReachTest, AnAddressOfWhichTheNetworkCannotSayWhetherItIsReachedIsAnError)
{
    auto vm = add("aabbccddee04", "fake", "fake");
    vm.network = "gone";
    auto journal = engine->journal_of(vm.id);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->note_bound({std::string(plugins::kind_of<sdk::Network>), "gone", "nic", owner_of(vm.id),
                                     {{"address", "10.1.2.3"}}}));
    EXPECT_FALSE(reach_of(*engine, vm, call_));
    EXPECT_FALSE(open_reach(*engine, vm, call_));
    EXPECT_THAT(names(), IsEmpty()) << "it would be a name for an address that is not the guest's";
    EXPECT_THAT(ports, IsEmpty());
}

TEST_F(ReachTest, WhatCouldNotBeDoneIsDoneLater)
{
    const auto vm = add("aabbccddee07", "fake", "fake");
    run_machine(*engine, vm);
    auto journal = engine->journal_of(vm.id);
    ASSERT_TRUE(journal);
    sdk::Handle link{std::string(plugins::kind_of<sdk::Network>), "gone", "nic", owner_of(vm.id), {{"address", "10.1.2.3"}}};
    ASSERT_TRUE(journal->note_bound(link));
    EXPECT_FALSE(open_reach(*engine, vm, call_));
    EXPECT_THAT(late, ElementsAre(vm.id));
    EXPECT_FALSE(open_reach_again(*engine, vm.id, retry));
    EXPECT_THAT(names(), IsEmpty());

    link.bound.clear();
    ASSERT_TRUE(journal->note_bound(link));
    for (int i = 0; i < 2; ++i) {
        const auto opened = open_reach_again(*engine, vm.id, retry);
        ASSERT_TRUE(opened) << opened.error().message;
        EXPECT_EQ(names().size(), 1U);
        EXPECT_EQ(ports.size(), 1U) << "connections to ports that are there would be cut";
    }
    close_reach(*engine, vm, call_);
}

TEST_F(ReachTest, WhoRunsNoMoreIsGivenNoName)
{
    const auto vm = add("aabbccddee08", "fake", "fake");
    EXPECT_TRUE(open_reach_again(*engine, vm.id, retry));
    EXPECT_TRUE(open_reach_again(*engine, "aabbccddee09", retry));
    run_machine(*engine, vm);
    const auto held = engine->vm_locks.lock(vm.id, "vm is being stopped", nullptr);
    const auto busy = open_reach_again(*engine, vm.id, retry);
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code, sdk::Code::busy);
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ReachTest, ADeletionThatCannotBeginLeavesNameAndPorts)
{
    const auto vm = add("aabbccddee05", "fake", "fake");
    ASSERT_TRUE(open_reach(*engine, vm, call_));
    Operation operation("vm.delete", nullptr);
    base::fault::arm({base::fault::Action::error, 1, "update a row"});
    const auto removed = remove_locked(*engine, vm, operation);
    base::fault::disarm();
    EXPECT_FALSE(removed);
    EXPECT_EQ(names().size(), 1U);
    EXPECT_EQ(ports.size(), 1U);
    close_reach(*engine, vm, call_);
}

class ReachOnABridge : public EngineWorld {
protected:
    ReachOnABridge() : EngineWorld({"fakes", "fake-bridge", "fake-dns"}), engine(fresh()), vm(add("aabbccddee06", "fake", "fake"))
    {
        vm.network = "bridge";
        auto journal = engine->journal_of(vm.id);
        EXPECT_TRUE(journal->note_bound({std::string(plugins::kind_of<sdk::Network>), "bridge", "nic", owner_of(vm.id),
                                         {{"address", "10.1.2.3"}}}));
    }
    std::vector<sdk::NameServer> routed() { return *provider<sdk::NetworkNames>("bridge")->routed(); }

    std::unique_ptr<Engine> engine;
    model::VmRecord vm;
};

TEST_F(ReachOnABridge, TheHostsResolverIsToldWhomToAskUntilTheDaemonEnds)
{
    EXPECT_THAT(routed(), IsEmpty());
    ASSERT_TRUE(open_reach(*engine, vm, call_));
    EXPECT_EQ(reach_of(*engine, vm, call_)->address, "10.1.2.3");
    EXPECT_THAT(routed(), ElementsAre(sdk::NameServer{"127.0.0.1", 42069, "vm"}));
    unroute_names(*fresh(), call_);
    EXPECT_FALSE(routed().empty()) << "a daemon took back what it had not said";
    unroute_names(*engine, call_);
    EXPECT_THAT(routed(), IsEmpty());
    close_reach(*engine, vm, call_);
}

TEST_F(ReachOnABridge, WhatProvidersWereAskedWhileTheGuestBootedIsKnownWhenItHas)
{
    const auto network = provider<sdk::Network>("bridge");
    const auto now = network->probe(call_)->facts.at("links");
    learn_reach(*engine, vm, call_);
    EXPECT_THAT(routed(), ElementsAre(sdk::NameServer{"127.0.0.1", 42069, "vm"}));
    const auto link = network->attach({owner_of(vm.id), sdk::Egress::internet, "link:stream-socket"}, call_);
    ASSERT_TRUE(link);  // which another answer would tell of
    const auto known = registry_->probe(std::string(plugins::kind_of<sdk::Network>), "bridge", call_);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->facts.at("links"), now);
    EXPECT_TRUE(network->release(link->handle));
    unroute_names(*engine, call_);
}

TEST_F(ReachOnABridge, AResolverThatFailedIsLeftAloneForAWhile)
{
    const sdk::Fields none{{"address", "127.0.0.1"}, {"port", "0"}, {"zone", "vm"}};
    const sdk::Fields one{{"address", "127.0.0.1"}, {"port", "42069"}, {"zone", "vm"}};
    const auto failed = route_names(*engine, "bridge", none, call_);
    ASSERT_FALSE(failed);
    const auto again = route_names(*engine, "bridge", one, call_);
    ASSERT_FALSE(again) << "it was asked";
    EXPECT_EQ(again.error().message, failed.error().message);
    EXPECT_THAT(routed(), IsEmpty());
    const auto later = fresh();
    later->name_routes.lock()->rest = std::chrono::seconds(0);
    EXPECT_FALSE(route_names(*later, "bridge", none, call_));
    EXPECT_TRUE(route_names(*later, "bridge", one, call_));
    EXPECT_THAT(routed(), ElementsAre(sdk::NameServer{"127.0.0.1", 42069, "vm"}));
    unroute_names(*later, call_);
}

class ReachWithoutNames : public EngineWorld {
protected:
    ReachWithoutNames() : EngineWorld({"fakes"}) {}
};

TEST_F(ReachWithoutNames, PortsAreThereAllTheSame)
{
    const auto engine = fresh();
    std::string published;
    engine->publish_ports = [&](const std::string&, const std::string& address) { published = address; };
    const auto vm = add("aabbccddee03", "fake", "fake");
    EXPECT_TRUE(open_reach(*engine, vm, call_));
    EXPECT_TRUE(published.starts_with("127.86."));
    EXPECT_EQ(full_name(*engine, vm, call_), "");
    close_reach(*engine, vm, call_);
}

}  // namespace
}  // namespace banger::lifecycle
