// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// How what net-tap makes comes to be and goes: bridge, pool and settings; in a network namespace of its own.
#include <gmock/gmock.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <memory>

#include "banger/sdk/os/file.hpp"
#include "tests/integration/tap_fixture.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::Egress;
using ::testing::HasSubstr;
using ::testing::Not;
namespace os = sdk::os;

// What changes among the interfaces of this network namespace, from now on (rtnetlink(7)).
class LinkChanges {
public:
    LinkChanges() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE))
    {
        sockaddr_nl name{};
        name.nl_family = AF_NETLINK;
        name.nl_groups = RTMGRP_LINK;
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    }
    // False if nothing does for long.
    [[nodiscard]] bool wait() const
    {
        constexpr int patience_ms = 10000;
        pollfd changed{socket_.get(), POLLIN, 0};
        std::array<char, 65536> told{};
        return ::poll(&changed, 1, patience_ms) == 1 && ::recv(socket_.get(), told.data(), told.size(), 0) > 0;
    }

private:
    os::UniqueFd socket_;
};

std::size_t count_interfaces(const std::string& named)
{
    const auto links = said({"ip", "-o", "link"});
    std::size_t found = 0;
    for (auto at = links.find(named); at != std::string::npos; at = links.find(named, at + 1))
        ++found;
    return found;
}

void wait_for_interfaces(const std::string& named, std::size_t wanted)
{
    const LinkChanges changes;
    while (count_interfaces(named) < wanted)
        ASSERT_TRUE(changes.wait()) << "there are " << count_interfaces(named);
}

constexpr uid_t nobody = 65534;

// In a process of its own, for there is no way back.
void run_as_nobody(const std::function<void()>& body)
{
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        EXPECT_EQ(::setresuid(nobody, nobody, nobody), 0);
        body();
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

TEST_F(Tap, AddressesSurviveRestarts)
{
    const auto spec = new_spec();
    const auto first = must_attach(spec);
    const auto other = must_attach(new_spec());
    EXPECT_NE(first.value.address, other.value.address);
    ASSERT_TRUE(network->release(first.handle));
    ASSERT_TRUE(network->release(other.handle));
    reopen();
    (void)must_attach(new_spec());
    EXPECT_EQ(must_attach(spec).value.address, first.value.address);
}

TEST_F(Tap, AnAddressInUseIsNobodyElsesAlsoWhereTheListOfThemIsLost)
{
    config.subnet = *Subnet::parse("172.16.9.0/30");
    reopen();
    const auto only = must_attach(new_spec());
    ASSERT_EQ(::unlink((host.cache_directory() + "/addresses").c_str()), 0);
    const auto refused = network->attach(new_spec(), call);
    ASSERT_FALSE(refused) << refused->value.address;
    EXPECT_EQ(sdk::to_string(refused.error().code), sdk::to_string(Code::busy)) << refused.error().message;
    EXPECT_EQ(network->inspect(only.handle)->facts.at("address"), address_in(only.value));
    ASSERT_TRUE(network->release(only.handle));
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(address_in(only.value))));
}

TEST_F(Tap, OtherSettingsAreTakenOnceNobodyIsOnTheOldBridgeAndRefusedBefore)
{
    const auto old = must_attach(new_spec());
    const auto set_otherwise = [&](Config& other, const std::string& words) {
        auto changed = make_network(host, other);
        const auto probe = changed->probe(call);
        ASSERT_TRUE(probe);
        EXPECT_FALSE(probe->usable);
        EXPECT_THAT(probe->reason, HasSubstr(words));
        const auto refused = changed->attach(new_spec(), call);
        ASSERT_FALSE(refused);
        EXPECT_EQ(sdk::to_string(refused.error().code), sdk::to_string(Code::precondition)) << refused.error().message;
        EXPECT_THAT(refused.error().hint, HasSubstr("stop the machines"));
    };
    Config other_subnet = config;
    other_subnet.subnet = *Subnet::parse("172.16.77.0/24");
    set_otherwise(other_subnet, "172.16.77.0/24 is set");
    Config other_bridge = config;
    other_bridge.bridge = "br-other";
    set_otherwise(other_bridge, "bridge br-other is set");

    ASSERT_TRUE(network->release(old.handle));
    ASSERT_THAT(said({"ip", "-br", "link"}), HasSubstr("br-banger"));
    other_bridge.subnet = other_subnet.subnet;
    const auto changed = make_network(host, other_bridge);
    EXPECT_TRUE(changed->probe(call)->usable);
    const auto attached = changed->attach(new_spec(), call);
    ASSERT_TRUE(attached) << attached.error().message;
    ASSERT_TRUE(changed->connect(attached->handle, call));
    EXPECT_EQ(attached->value.gateway, "172.16.77.1");
    EXPECT_THAT(said({"ip", "-br", "link"}), ::testing::AllOf(HasSubstr("br-other"), Not(HasSubstr("br-banger"))));
    EXPECT_TRUE(changed->release(attached->handle));
}

TEST_F(Tap, UntilItIsConnectedALinkIsATapAndNothingPasses)
{
    make_outside();
    const auto first = network->attach(new_spec(), call);
    ASSERT_TRUE(first) << first.error().message;
    EXPECT_THAT(said({"ip", "-d", "link", "show", first->value.attachment.fields.at("name")}), Not(HasSubstr("master")));
    EXPECT_THAT(said({"nft", "list", "tables"}), Not(HasSubstr(host.instance()))) << "nobody is to wait for it";
    const Guest guest(first->value);
    EXPECT_FALSE(guest.reaches(on_the_internet));
    ASSERT_TRUE(network->connect(first->handle, call));
    EXPECT_TRUE(guest.reaches(on_the_internet));
    // From the pool.
    wait_for_interfaces(tap_prefix(), 1 + config.pool);
    const auto second = network->attach(new_spec(Egress::all), call);
    ASSERT_TRUE(second) << second.error().message;
    const Guest other(second->value);
    EXPECT_FALSE(other.reaches(on_the_internet));
    ASSERT_TRUE(network->connect(second->handle, call));
    EXPECT_TRUE(other.reaches(on_the_internet));
}

TEST_F(Tap, LinksThatWereAttachedBeforeAnyWasConnectedAllWork)
{
    make_outside();
    sdk::testing::FakeHost second;
    const auto theirs = make_network(second, config);
    const auto one = network->attach(new_spec(), call);
    const auto other = network->attach(new_spec(), call);
    const auto neighbour = theirs->attach({second.new_owner(), Egress::internet, "link:tap"}, call);
    ASSERT_TRUE(one && other && neighbour);
    EXPECT_EQ(one->value.gateway, other->value.gateway);
    EXPECT_NE(one->value.gateway, neighbour->value.gateway);
    for (auto* link : {&*one, &*other})
        ASSERT_TRUE(network->connect(link->handle, call));
    ASSERT_TRUE(theirs->connect(neighbour->handle, call));
    for (auto* link : {&*one, &*other, &*neighbour})
        EXPECT_TRUE(Guest(link->value).reaches(on_the_internet)) << link->value.address;
    EXPECT_TRUE(theirs->release(neighbour->handle));
}

TEST_F(Tap, WhoHasNoTapCannotBeConnectedAndNothingIsMadeForHim)
{
    const auto connected = network->connect({"network/0", "tap", "link", host.new_owner(), {}}, call);
    ASSERT_FALSE(connected);
    EXPECT_EQ(sdk::to_string(connected.error().code), sdk::to_string(Code::not_found)) << connected.error().message;
    EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr("br-")));
    EXPECT_THAT(said({"nft", "list", "tables"}), Not(HasSubstr(host.instance())));
}

TEST_F(Tap, ALinkThatCannotBeConnectedGoesWithAllThatWasMadeForIt)
{
    const auto attached = network->attach(new_spec(), call);
    ASSERT_TRUE(attached) << attached.error().message;
    // Somebody has a set in our table, of a name that will be ours.
    const std::string table = "netdev banger_" + host.instance();
    said({"nft", "add table " + table + "; add set " + table + " macs_" + attached->value.attachment.fields.at("name") +
                     " { type inet_service; }"});
    const auto connected = network->connect(attached->handle, call);
    ASSERT_FALSE(connected);
    EXPECT_THAT(connected.error().message, HasSubstr("change the firewall"));
    EXPECT_THAT(said({"ip", "-br", "link", "show", attached->value.attachment.fields.at("name")}), Not(HasSubstr("UP")));
    said({"nft", "delete table " + table});
    EXPECT_TRUE(network->release(attached->handle));
    EXPECT_TRUE(network->list()->empty());
}

TEST_F(Tap, WhoseSubnetIsAnothersByNowIsToldToStartAgain)
{
    make_outside();
    const auto attached = network->attach(new_spec(), call);
    ASSERT_TRUE(attached) << attached.error().message;
    said({"ip", "link", "delete", "br-banger"});
    said({"ip", "route", "add", "172.16.0.0/24", "via", "198.51.100.2"});
    const auto connected = network->connect(attached->handle, call);
    ASSERT_FALSE(connected);
    EXPECT_EQ(sdk::to_string(connected.error().code), sdk::to_string(Code::precondition)) << connected.error().message;
    EXPECT_THAT(connected.error().hint, HasSubstr("start"));
    EXPECT_TRUE(network->release(attached->handle));
    EXPECT_EQ(must_attach(new_spec()).value.gateway, "172.16.1.1");
}

TEST_F(Tap, ATapThatWaitedUnderOtherSettingsFollowsThoseOfNow)
{
    (void)must_attach(new_spec());
    wait_for_interfaces(tap_prefix(), 1 + config.pool);
    const std::string next = tap_prefix() + "1";
    said({"bridge", "link", "set", "dev", next, "isolated", "off"});
    ASSERT_EQ(must_attach(new_spec()).value.attachment.fields.at("name"), next);
    EXPECT_THAT(said({"ip", "-d", "link", "show", next}), HasSubstr("isolated on"));
}

TEST_F(Tap, TheNextTapIsReadyBeforeItIsAskedFor)
{
    (void)must_attach(new_spec());
    wait_for_interfaces(tap_prefix(), 1 + config.pool);
    const std::string ours = tap_prefix();
    EXPECT_THAT(said({"ip", "-d", "link", "show", ours + "1"}), HasSubstr("isolated on"));
    EXPECT_THAT(said({"ip", "-br", "link", "show", ours + "1"}), HasSubstr("DOWN"));
    const auto next = must_attach(new_spec());
    EXPECT_EQ(next.value.attachment.fields.at("name"), ours + "1") << "it is the one that was ready";
    EXPECT_THAT(said({"ip", "link", "show", ours + "1"}), HasSubstr("alias banger " + host.instance() + " "));
}

TEST_F(Tap, ATapIsItsUsersOnceAMachineHasIt)
{
    host.served = nobody;
    reopen();
    const auto used = must_attach(new_spec()).value.attachment.fields.at("name");
    wait_for_interfaces(tap_prefix(), 1 + config.pool);
    const auto waits = tap_prefix() + "1";
    const std::array<os::UniqueFd, 2> tun{open_tun(), open_tun()};
    run_as_nobody([&] {
        EXPECT_EQ(take_tap(tun[0], waits), EPERM) << "the next machine's";
        EXPECT_EQ(take_tap(tun[0], used), 0);
        EXPECT_EQ(take_tap(tun[1], used), EBUSY);
    });
}

TEST_F(Tap, ATapOfRootsIsNobodyElsesWhetherItWaitsOrIsInUse)
{
    const auto used = must_attach(new_spec()).value.attachment.fields.at("name");
    wait_for_interfaces(tap_prefix(), 1 + config.pool);
    const auto waits = tap_prefix() + "1";
    ASSERT_NE(used, waits);
    const auto tun = open_tun();  // which most hosts let everybody open
    run_as_nobody([&] {
        EXPECT_EQ(take_tap(tun, used), EPERM);
        EXPECT_EQ(take_tap(tun, waits), EPERM);
    });
    EXPECT_EQ(take_tap(tun, used), 0);
}

TEST_F(Tap, WhereThePoolIsEmptyATapIsMadeOnTheSpot)
{
    config.pool = 0;
    reopen();
    const auto first = must_attach(new_spec()).value;
    const auto second = must_attach(new_spec()).value;
    EXPECT_NE(first.attachment.fields.at("name"), second.attachment.fields.at("name"));
    EXPECT_EQ(network->list()->size(), 2U);
}

TEST_F(Tap, WhatSomebodyElseHasIsSaidAndLeftAlone)
{
    said({"ip", "link", "add", "br-theirs", "type", "bridge"});
    config.bridge = "br-theirs";
    expect_refused(Code::exists, "not this banger's");
    EXPECT_THAT(said({"ip", "-br", "link"}), HasSubstr("br-theirs"));
    config.bridge.clear();
    said({"ip", "address", "add", "172.20.1.1/16", "dev", "br-theirs"});
    config.subnet = *Subnet::parse("172.20.5.0/24");
    expect_refused(Code::precondition, "172.20.");
    // Left to itself it takes another name and another subnet.
    said({"ip", "link", "add", "br-banger", "type", "bridge"});
    said({"ip", "address", "add", "172.16.0.9/24", "dev", "br-theirs"});
    config.subnet.reset();
    reopen();
    const auto link = must_attach(new_spec()).value;
    EXPECT_EQ(link.gateway, "172.16.1.1");
    EXPECT_THAT(said({"ip", "-br", "link"}), HasSubstr("br-" + host.instance()));
}

TEST_F(Tap, AHostThatDropsWhatItForwardsIsNoPlaceForThisProviderUnlessItWasToldToLetGuestsThrough)
{
    said({"nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"});
    const auto refused = network->probe(call);
    ASSERT_TRUE(refused);
    EXPECT_FALSE(refused->usable);
    EXPECT_THAT(refused->reason, HasSubstr("ip filter FORWARD"));
    EXPECT_THAT(refused->hint, HasSubstr("firewall_lets_guests_through"));
    config.firewall_lets_guests_through = true;
    reopen();
    EXPECT_TRUE(network->probe(call)->usable);
}

TEST_F(Tap, AFirewallThatCameUpSinceTheProbeIsWarnedOfWithEachStart)
{
    make_outside();
    (void)must_attach(new_spec());
    const auto of_firewall = [&] {
        std::vector<std::string> found;
        for (const auto& warning : call.warnings())
            if (warning.find("firewall") != std::string::npos)
                found.push_back(warning);
        return found;
    };
    EXPECT_TRUE(of_firewall().empty());
    said({"nft", "add table inet theirs; add chain inet theirs forward { type filter hook forward priority 10; }; "
                 "add rule inet theirs forward ct state established accept; add rule inet theirs forward reject with icmpx type admin-prohibited"});
    const Guest guest(must_attach(new_spec()).value);
    EXPECT_FALSE(guest.reaches(on_the_internet));
    ASSERT_EQ(of_firewall().size(), 1U);
    EXPECT_THAT(of_firewall().front(), HasSubstr("inet theirs forward"));
    EXPECT_FALSE(network->probe(call)->usable);
    said({"nft", "delete table inet theirs"});
    (void)must_attach(new_spec());
    EXPECT_EQ(of_firewall().size(), 1U);
}

TEST_F(Tap, ASubnetThatIsFullSaysSo)
{
    config.subnet = *Subnet::parse("172.16.9.0/30");
    reopen();
    (void)must_attach(new_spec());
    const auto attached = network->attach(new_spec(), call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(sdk::to_string(attached.error().code), sdk::to_string(Code::busy)) << attached.error().message;
    EXPECT_THAT(attached.error().message, HasSubstr("every address of 172.16.9.0/30"));
    EXPECT_FALSE(attached.error().hint.empty());
    EXPECT_EQ(network->list()->size(), 1U);
}

TEST_F(Tap, ASubnetThatTheHostRoutesToIsNotTheGuests)
{
    make_outside();
    said({"ip", "route", "add", "172.21.0.0/16", "via", "198.51.100.2"});
    config.subnet = *Subnet::parse("172.21.7.0/24");
    expect_refused(Code::precondition, "this host has 172.21.0.0/16 already");
    EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr("br-banger")));
}

TEST_F(Tap, RoutesThatSplitTheDefaultOneOrLeadNowhereAreNobodysSubnets)
{
    make_outside();
    for (const char* half : {"0.0.0.0/1", "128.0.0.0/1"})
        said({"ip", "route", "add", half, "via", "198.51.100.2"});
    said({"ip", "route", "add", "blackhole", "172.16.0.0/12"});
    EXPECT_TRUE(network->probe(call)->usable);
    const Guest guest(must_attach(new_spec()).value);
    EXPECT_TRUE(guest.reaches(on_the_internet));
    // One that leads somewhere is another thing.
    said({"ip", "route", "replace", "172.22.0.0/16", "via", "198.51.100.2"});
    config.subnet = *Subnet::parse("172.22.7.0/24");
    EXPECT_FALSE(make_network(host, config)->probe(call)->usable);
}

TEST_F(Tap, WhereAWholePrivateRangeIsRoutedGuestsHaveASubnetOfAnother)
{
    make_outside();
    said({"ip", "route", "add", "172.16.0.0/12", "via", "198.51.100.2"});
    EXPECT_EQ(must_attach(new_spec()).value.gateway, "192.168.0.1");
}

TEST_F(Tap, TheGuestsGatewayKeepsItsHardwareAddressWhoeverComesAndGoes)
{
    const auto gateway = [] {
        std::istringstream words(said({"ip", "-br", "link", "show", "br-banger"}));
        std::string name, state, mac;
        words >> name >> state >> mac;
        return mac;
    };
    (void)must_attach(new_spec());
    const auto at_first = gateway();
    ASSERT_EQ(at_first.size(), std::string("52:54:00:00:00:00").size());
    // Taps have what the kernel gives them by chance; this one has the lowest that there is.
    const auto lowest = must_attach(new_spec());
    said({"ip", "link", "set", lowest.value.attachment.fields.at("name"), "address", "02:00:00:00:00:00"});
    EXPECT_EQ(gateway(), at_first);
    EXPECT_TRUE(network->release(lowest.handle));
    EXPECT_EQ(gateway(), at_first);
}

TEST_F(Tap, ATapsNameThatSomebodyElseHasIsTheirs)
{
    said({"ip", "link", "add", tap_prefix() + "0", "type", "bridge"});
    const auto link = must_attach(new_spec()).value;
    EXPECT_EQ(link.attachment.fields.at("name"), tap_prefix() + "1");
    EXPECT_THAT(said({"ip", "-d", "link", "show", tap_prefix() + "0"}), HasSubstr("bridge forward_delay"));
    said({"ip", "link", "delete", tap_prefix() + "0"});
}

TEST_F(Tap, AHostWithoutTapsOrTheRightToThemIsNoPlaceForThisProvider)
{
    const auto refuses = [&](Code code, const std::string& words) {
        expect_refused(code, words);
        const auto probe = network->probe(call);
        ASSERT_TRUE(probe);
        EXPECT_FALSE(probe->usable);
        EXPECT_FALSE(probe->hint.empty()) << probe->reason;
        EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr(tap_prefix())));
    };
    take_mounts_of_its_own();
    ASSERT_EQ(::mount("tmpfs", "/dev/net", "tmpfs", 0, nullptr), 0);
    refuses(Code::unsupported, "/dev/net/tun");
    // A node without a driver behind it, as where the module is not there.
    constexpr unsigned misc_major = 10, nobodys_minor = 2;
    ASSERT_EQ(::mknod("/dev/net/tun", S_IFCHR | 0600, makedev(misc_major, nobodys_minor)), 0);
    refuses(Code::unsupported, "/dev/net/tun");
    ASSERT_EQ(::umount2("/dev/net", MNT_DETACH), 0);
    network.reset();
    EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr("br-banger")));

    // Whoever is not root.
    const auto spec = new_spec();
    said({"chown", "-R", std::to_string(nobody), host.directory()});
    run_as_nobody([&] {
        const auto nobodys = make_network(host, config);
        const auto probe = nobodys->probe(call);
        EXPECT_TRUE(probe && !probe->usable && !probe->hint.empty());
        const auto attached = nobodys->attach(spec, call);
        EXPECT_FALSE(attached);
        if (!attached) {
            EXPECT_EQ(sdk::to_string(attached.error().code), sdk::to_string(Code::permission)) << attached.error().message;
            EXPECT_FALSE(attached.error().hint.empty()) << attached.error().message;
        }
    });
}

}  // namespace
}  // namespace banger::tap
