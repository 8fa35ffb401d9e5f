// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "banger/sdk/network.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/frame_peer.hpp"

namespace banger::sdk::testing {

/// A network/0 provider for the contract.
struct NetworkUnderTest {
    std::string name;                                     ///< what tests are called after
    std::function<std::unique_ptr<Network>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
    std::string attachment = "link:stream-socket";        ///< a word of what it offers that reaches the outside
};

inline std::ostream& operator<<(std::ostream& out, const NetworkUnderTest& network)
{
    return out << network.name;
}

/// What every network/0 provider promises. Instantiate for each provider and each fake:
///     INSTANTIATE_TEST_SUITE_P(User, NetworkContract, ::testing::Values(NetworkUnderTest{...}));
class NetworkContract : public ::testing::TestWithParam<NetworkUnderTest> {
protected:
    void SetUp() override
    {
        network = GetParam().open(host);
        ASSERT_NE(network, nullptr);
    }
    void TearDown() override
    {
        if (network == nullptr)
            return;
        for (const auto& handle : listed())
            EXPECT_TRUE(network->release(handle));
    }

    LinkSpec new_spec(Egress egress = Egress::internet) { return {host.new_owner(), egress, GetParam().attachment}; }
    void reopen() { network = GetParam().open(host); }
    /// The bound fields are among the facts.
    void expect_bound_facts(const Handle& handle)
    {
        auto inspection = network->inspect(handle);
        ASSERT_TRUE(inspection) << inspection.error().message;
        for (const auto& [key, value] : handle.bound)
            EXPECT_EQ(inspection->facts[key], value) << key;
    }
    bool present(const Handle& handle)
    {
        auto inspection = network->inspect(handle);
        EXPECT_TRUE(inspection) << inspection.error().message;
        return inspection && inspection->present;
    }
    std::vector<Handle> listed()
    {
        auto handles = network->list();
        EXPECT_TRUE(handles) << handles.error().message;
        return handles ? *handles : std::vector<Handle>{};
    }
    Attached<Link> must_attach(const LinkSpec& spec)
    {
        auto attached = network->attach(spec, call);
        EXPECT_TRUE(attached) << attached.error().message;
        return attached ? *attached : Attached<Link>{};
    }
    /// The attach fails with this code, and leaves nothing.
    void expect_refused(const LinkSpec& spec, Code code)
    {
        const auto attached = network->attach(spec, call);
        ASSERT_FALSE(attached);
        EXPECT_EQ(to_string(attached.error().code), to_string(code)) << attached.error().message;
        EXPECT_FALSE(attached.error().message.empty());
        EXPECT_TRUE(listed().empty());
        EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Network> network;
};

TEST_P(NetworkContract, ProbeOffersTheAttachment)
{
    const auto probe = network->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
    EXPECT_NE(std::find(probe->offers.begin(), probe->offers.end(), GetParam().attachment), probe->offers.end())
        << probe->reason;
    EXPECT_TRUE(listed().empty());
}

TEST_P(NetworkContract, PlanTouchesNothing)
{
    const auto spec = new_spec();
    const auto plan = network->plan(spec);
    ASSERT_TRUE(plan) << plan.error().message;
    ASSERT_FALSE(plan->empty());
    for (const auto& handle : *plan) {
        EXPECT_EQ(handle.kind, "network/0");
        EXPECT_TRUE(handle.bound.empty());
        EXPECT_FALSE(present(handle));
    }
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
}

TEST_P(NetworkContract, ALinkMayBeConnectedAgainAlsoAfterARestart)
{
    auto handle = must_attach(new_spec()).handle;
    for (int time = 0; time < 3; ++time) {
        const auto connected = network->connect(handle, call);
        ASSERT_TRUE(connected) << connected.error().message;
        expect_bound_facts(handle);
        auto inspection = network->inspect(handle);
        ASSERT_TRUE(inspection && inspection->present);
        if (const auto said = inspection->facts.find("connected"); said != inspection->facts.end()) {
            EXPECT_EQ(said->second, "yes") << "a decorator did not pass it on";
        }
        if (time == 1)
            reopen();
    }
    handle.bound.clear();
    EXPECT_TRUE(network->connect(handle, call)) << "the key alone is enough";
    EXPECT_TRUE(network->release(handle));
    EXPECT_TRUE(listed().empty());
}

TEST_P(NetworkContract, ALinkThatIsNotConnectedGoesAsAnyOther)
{
    const auto connected = must_attach(new_spec()).handle;
    ASSERT_TRUE(network->connect(connected, call));
    const auto handle = must_attach(new_spec()).handle;
    reopen();
    EXPECT_EQ(listed().size(), 2U);
    EXPECT_TRUE(network->release(handle));
    EXPECT_FALSE(present(handle));
    EXPECT_TRUE(present(connected));
}

TEST_P(NetworkContract, AttachReturnsAPlannedHandleAndWhatTheGuestNeeds)
{
    const auto spec = new_spec();
    const auto plan = network->plan(spec);
    ASSERT_TRUE(plan);
    const auto [link, handle] = must_attach(spec);
    EXPECT_TRUE(
        std::any_of(plan->begin(), plan->end(), [&](const Handle& planned) { return planned.key == handle.key; }));
    EXPECT_EQ(handle.kind, "network/0");
    EXPECT_EQ(handle.owner.vm, spec.owner.vm);
    EXPECT_FALSE(handle.bound.empty());
    EXPECT_EQ("link:" + link.attachment.kind, spec.attachment);
    EXPECT_TRUE(link.mac.starts_with("52:54:00:")) << link.mac;
    EXPECT_EQ(link.mac.size(), 17U) << link.mac;
    EXPECT_NE(link.address.find('/'), std::string::npos) << link.address;
    EXPECT_FALSE(link.gateway.empty());
    EXPECT_FALSE(link.dns.empty());
}

TEST_P(NetworkContract, AVmKeepsItsHardwareAddressAndSharesItWithNobody)
{
    const auto spec = new_spec();
    const auto first = must_attach(spec);
    EXPECT_NE(must_attach(new_spec()).value.mac, first.value.mac);
    EXPECT_TRUE(network->release(first.handle));
    reopen();
    EXPECT_EQ(must_attach(spec).value.mac, first.value.mac);
}

TEST_P(NetworkContract, WhatIsAttachedIsPresentUntilReleased)
{
    const auto spec = new_spec();
    const auto handle = must_attach(spec).handle;
    EXPECT_TRUE(present(handle));
    expect_bound_facts(handle);
    EXPECT_TRUE(network->release(handle));
    EXPECT_FALSE(present(handle));
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
}

TEST_P(NetworkContract, WhatItCountsAreNumbersAndItsProcessesLive)
{
    const auto handle = must_attach(new_spec()).handle;
    auto inspection = network->inspect(handle);
    ASSERT_TRUE(inspection) << inspection.error().message;
    for (const char* count : {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets", "refused_packets"})
        if (const auto fact = inspection->facts.find(count); fact != inspection->facts.end()) {
            EXPECT_FALSE(fact->second.empty()) << count;
            EXPECT_EQ(fact->second.find_first_not_of("0123456789"), std::string::npos) << count << ": " << fact->second;
        }
    std::istringstream pids(inspection->facts["pids"]);
    for (std::string pid; pids >> pid;)
        EXPECT_TRUE(os::exists("/proc/" + pid)) << pid;
}

TEST_P(NetworkContract, ReleaseIsIdempotentAndWorksAfterARestart)
{
    const auto handle = must_attach(new_spec()).handle;
    reopen();
    EXPECT_TRUE(present(handle));
    EXPECT_TRUE(network->release(handle));
    EXPECT_TRUE(network->release(handle));
    EXPECT_FALSE(present(handle));
    EXPECT_TRUE(listed().empty());
}

TEST_P(NetworkContract, TheKeyAloneIsEnough)
{
    auto handle = must_attach(new_spec()).handle;
    handle.bound.clear();
    reopen();
    EXPECT_TRUE(present(handle));
    EXPECT_TRUE(network->release(handle));
    EXPECT_FALSE(present(handle));
}

TEST_P(NetworkContract, ListFindsItAfterARestartAndNotOtherInstances)
{
    const auto handle = must_attach(new_spec()).handle;
    FakeHost other_host;
    const auto other = GetParam().open(other_host);
    const auto other_attached = other->attach({other_host.new_owner(), Egress::internet, GetParam().attachment}, call);
    ASSERT_TRUE(other_attached) << other_attached.error().message;

    reopen();
    const auto found = listed();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].kind, handle.kind);
    EXPECT_EQ(found[0].provider, handle.provider);
    EXPECT_EQ(found[0].key, handle.key);
    EXPECT_EQ(found[0].owner.instance, handle.owner.instance);
    EXPECT_EQ(found[0].owner.vm, handle.owner.vm);
    EXPECT_EQ(found[0].owner.directory, handle.owner.directory);
    EXPECT_EQ(found[0].bound, handle.bound);

    EXPECT_TRUE(network->release(found[0]));
    EXPECT_TRUE(other->inspect(other_attached->handle)->present);
    EXPECT_TRUE(other->release(other_attached->handle));
}

TEST_P(NetworkContract, TwoLinksSideBySide)
{
    const auto first = must_attach(new_spec()).handle;
    const auto second = must_attach(new_spec(Egress::all)).handle;
    EXPECT_EQ(listed().size(), 2U);
    EXPECT_TRUE(network->release(first));
    EXPECT_FALSE(present(first));
    EXPECT_TRUE(present(second));
}

TEST_P(NetworkContract, ASecondAttachIsRefusedAndTheFirstLivesOn)
{
    const auto spec = new_spec();
    const auto handle = must_attach(spec).handle;
    const auto second = network->attach(spec, call);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::exists);
    EXPECT_TRUE(present(handle));
    expect_bound_facts(handle);
}

TEST_P(NetworkContract, ALinkCanBeAttachedAgainAfterRelease)
{
    const auto spec = new_spec();
    EXPECT_TRUE(network->release(must_attach(spec).handle));
    EXPECT_TRUE(present(must_attach(spec).handle));
}

TEST_P(NetworkContract, NoEgressNeedsNothing)
{
    auto spec = new_spec(Egress::none);
    for (const char* word : {"link:none", "link:user-restricted"}) {
        spec.attachment = word;
        const auto plan = network->plan(spec);
        ASSERT_TRUE(plan) << plan.error().message;
        EXPECT_TRUE(plan->empty());
        const auto attached = must_attach(spec);
        EXPECT_EQ("link:" + attached.value.attachment.kind, word);
        EXPECT_TRUE(attached.value.gateway.empty());
        EXPECT_TRUE(attached.value.dns.empty());
        EXPECT_EQ(attached.value.mac.size(), 17U);
        EXPECT_FALSE(present(attached.handle));
        EXPECT_TRUE(network->release(attached.handle));
    }
    // Whatever was picked, the guest is closed off.
    spec.attachment = GetParam().attachment;
    EXPECT_EQ(must_attach(spec).value.attachment.kind, "none");
    EXPECT_TRUE(listed().empty());
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
}

TEST_P(NetworkContract, AClosedAttachmentCannotReachTheOutside)
{
    auto spec = new_spec();
    for (const char* word : {"link:none", "link:user-restricted", "link:carrier-pigeon"}) {
        spec.attachment = word;
        EXPECT_FALSE(network->plan(spec));
        expect_refused(spec, Code::unsupported);
    }
}

TEST_P(NetworkContract, ACancelledAttachLeavesNothing)
{
    call.cancel();
    expect_refused(new_spec(), Code::cancelled);
}

/// What a provider promises whose links are stream sockets. Instantiate beside NetworkContract, except for fakes.
class StreamNetworkContract : public NetworkContract {
protected:
    /// A socket of this host that a guest would like to reach.
    struct Service {
        os::UniqueFd socket;
        std::uint16_t port = 0;
    };
    static Service serve(int type, std::uint32_t address)
    {
        Service service{os::UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), 0};
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(address);
        EXPECT_EQ(::bind(service.socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
        if (type == SOCK_STREAM) {
            EXPECT_EQ(::listen(service.socket.get(), 8), 0);
        }
        socklen_t length = sizeof name;
        EXPECT_EQ(::getsockname(service.socket.get(), reinterpret_cast<sockaddr*>(&name), &length), 0);
        service.port = ntohs(name.sin_port);
        return service;
    }
    static bool was_reached(const Service& service)
    {
        pollfd watch{service.socket.get(), POLLIN, 0};
        return ::poll(&watch, 1, 0) == 1;
    }
    FramePeer guest_of(const Link& link)
    {
        auto socket = os::connect_unix(link.attachment.fields.at("path"));
        EXPECT_TRUE(socket) << socket.error().message;
        return {socket ? std::move(*socket) : os::UniqueFd(), link.address.substr(0, link.address.find('/'))};
    }
    /// An address of this host that is not its loopback; empty if it has none.
    static std::string address_of_this_host()
    {
        ifaddrs* all = nullptr;
        if (::getifaddrs(&all) != 0)
            return {};
        std::string found;
        for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
            if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET ||
                (each->ifa_flags & IFF_LOOPBACK) != 0 || (each->ifa_flags & IFF_UP) == 0)
                continue;
            char text[INET_ADDRSTRLEN] = {};
            const auto* name = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
            found = ::inet_ntop(AF_INET, &name->sin_addr, text, sizeof text);
        }
        ::freeifaddrs(all);
        return found;
    }
};

TEST_P(StreamNetworkContract, TheSocketAcceptsAndTheGatewayAnswers)
{
    const auto spec = new_spec();
    const auto link = must_attach(spec).value;
    EXPECT_TRUE(link.attachment.fields.at("path").starts_with(spec.owner.directory + "/"));
    EXPECT_TRUE(guest_of(link).arp(link.gateway));
}

TEST_P(StreamNetworkContract, WhatPassesIsCounted)
{
    const auto [link, handle] = must_attach(new_spec());
    auto guest = guest_of(link);
    ASSERT_TRUE(guest.arp(link.gateway));
    const auto count = [&](const char* fact) {
        const auto inspection = network->inspect(handle);
        EXPECT_TRUE(inspection);
        const auto found = inspection->facts.find(fact);
        return found == inspection->facts.end() ? 0 : std::stoull(found->second);
    };
    const auto sent = count("tx_packets");
    EXPECT_GE(sent, 1U);
    EXPECT_GE(count("rx_packets"), 1U);
    EXPECT_GE(count("tx_bytes"), 42U);  // an ARP question in its frame
    EXPECT_GE(count("rx_bytes"), 42U);
    const auto refused = count("refused_packets");
    EXPECT_NE(guest.connect("127.0.0.1", 9), FramePeer::Answer::connected);
    EXPECT_GT(count("refused_packets"), refused);
    reopen();
    EXPECT_GE(count("tx_packets"), sent) << "a later provider goes on counting";
}

TEST_P(StreamNetworkContract, TheHostsLoopbackIsOutOfReach)
{
    const auto loopback = serve(SOCK_STREAM, INADDR_LOOPBACK);
    const auto anywhere = serve(SOCK_STREAM, INADDR_ANY);
    const auto datagrams = serve(SOCK_DGRAM, INADDR_LOOPBACK);
    for (const auto egress : {Egress::internet, Egress::all}) {
        const auto link = must_attach(new_spec(egress)).value;
        auto guest = guest_of(link);
        ASSERT_TRUE(guest.arp(link.gateway));
        for (const char* address : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "0.0.0.1"}) {
            EXPECT_NE(guest.connect(address, loopback.port), FramePeer::Answer::connected) << address;
            EXPECT_NE(guest.connect(address, anywhere.port), FramePeer::Answer::connected) << address;
            guest.send_datagram(address, datagrams.port, "hello");
        }
        if (egress == Egress::internet) {
            EXPECT_NE(guest.connect(link.gateway, loopback.port), FramePeer::Answer::connected);
        }
        EXPECT_TRUE(guest.arp(link.gateway));  // all that was sent before is done with
        EXPECT_FALSE(was_reached(loopback));
        EXPECT_FALSE(was_reached(anywhere));
        EXPECT_FALSE(was_reached(datagrams));
    }
}

TEST_P(StreamNetworkContract, AnswersComeFromOutsideTheGuest)
{
    const auto address = address_of_this_host();
    if (address.empty())
        GTEST_SKIP() << "this host has no address but its loopback";
    const auto service = serve(SOCK_STREAM, INADDR_ANY);
    const auto datagrams = serve(SOCK_DGRAM, INADDR_ANY);
    const auto link = must_attach(new_spec(Egress::all)).value;
    auto guest = guest_of(link);
    ASSERT_TRUE(guest.arp(link.gateway));
    EXPECT_EQ(guest.connect(address, service.port), FramePeer::Answer::connected) << address;
    EXPECT_TRUE(was_reached(service));
    guest.send_datagram(address, datagrams.port, "hello");
    EXPECT_TRUE(
        os::wait_readable(datagrams.socket.get(), -1, std::chrono::steady_clock::now() + std::chrono::seconds(5)));
}

TEST_P(StreamNetworkContract, ALinkDiesWithItsVmm)
{
    const auto spec = new_spec();
    const auto [link, handle] = must_attach(spec);
    {
        auto guest = guest_of(link);
        ASSERT_TRUE(guest.arp(link.gateway));
    }
    EXPECT_TRUE(network->release(handle));
    EXPECT_FALSE(present(handle));
    const auto again = must_attach(spec).value;
    auto guest = guest_of(again);
    ASSERT_TRUE(guest.arp(link.gateway));
    EXPECT_TRUE(network->release(handle));
    EXPECT_TRUE(guest.is_closed());
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamNetworkContract);

}  // namespace banger::sdk::testing
