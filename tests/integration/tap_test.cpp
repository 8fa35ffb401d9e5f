// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// net-tap with real traffic, between network namespaces of its own.
#include <gmock/gmock.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
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
#include <sstream>

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

void take_mounts_of_its_own()
{
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
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

TEST_F(Tap, AGuestReachesTheOutsideAsItsPolicySays)
{
    make_outside();
    const auto on_this_host = Guest::listen_on("0.0.0.0");
    const auto internet = must_attach(new_spec()).value;
    const Guest guest(internet);
    EXPECT_TRUE(guest.reaches(on_the_internet));
    for (const char* closed : {private_host, metadata, "198.51.100.1"})
        EXPECT_FALSE(guest.reaches(closed)) << closed;
    EXPECT_FALSE(guest.reaches(internet.gateway)) << "the host is no part of the internet";

    const auto all = must_attach(new_spec(Egress::all)).value;
    const Guest other(all);
    for (const char* open : {on_the_internet, private_host, metadata})
        EXPECT_TRUE(other.reaches(open)) << open;
    EXPECT_TRUE(other.reaches(all.gateway));

    // Seen from there, it was the host that came.
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    const os::UniqueFd accepted(::accept(service.get(), reinterpret_cast<sockaddr*>(&peer), &length));
    ASSERT_TRUE(accepted);
    EXPECT_EQ(ntohl(peer.sin_addr.s_addr), *address_from_string("198.51.100.1"));
}

TEST_F(Tap, TheHostsLoopbackIsNobodysWhateverRoutesSay)
{
    const auto service_of_the_host = Guest::listen_on("127.0.0.1");
    const auto link = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    allow_loopback_over("br-banger");
    guest.take_loopback_by(link.gateway);
    EXPECT_FALSE(guest.reaches("127.0.0.1"));
    // Who has the network's lock keeps the provider from putting it back.
    const auto lock = os::open_file(host.cache_directory() + "/network.lock", O_RDWR);
    ASSERT_TRUE(lock && ::flock(lock->get(), LOCK_EX) == 0);
    said({"nft", "flush chain inet banger_" + host.instance() + " input"});
    EXPECT_TRUE(guest.reaches("127.0.0.1")) << "it was a rule of ours that stood in the way";
}

TEST_F(Tap, WhereTheHostsResolverIsOnItsLoopbackGuestsAskTheGatewayAndThatIsSaid)
{
    take_mounts_of_its_own();
    const std::string ours = host.directory() + "/resolv.conf";
    const auto says = [&](const std::string& text) {
        auto file = os::open_file(ours, O_WRONLY | O_CREAT | O_TRUNC);
        ASSERT_TRUE(file && os::write_all(file->get(), text));
    };
    says("nameserver 127.0.0.1\nnameserver 2001:db8::1\n");
    for (const char* file : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
        if (os::exists(file)) {
            ASSERT_EQ(::mount(ours.c_str(), file, nullptr, MS_BIND, nullptr), 0) << file;
        }
    constexpr std::uint16_t dns = 53;
    const auto listens = Guest::listen_on("0.0.0.0", dns);
    const auto other_service = Guest::listen_on("0.0.0.0");
    const auto link = must_attach(new_spec()).value;
    EXPECT_THAT(link.dns, ::testing::ElementsAre(link.gateway));
    EXPECT_THAT(call.warnings(), ::testing::ElementsAre(HasSubstr("no IPv4 resolver")));
    EXPECT_THAT(network->probe(call)->reason, HasSubstr("no IPv4 resolver"));
    const Guest guest(link);
    EXPECT_TRUE(guest.reaches(link.gateway, dns));
    EXPECT_FALSE(guest.reaches(link.gateway));
    // With one that they can ask the gateway's is the host's own again.
    says("nameserver 192.0.2.53\n");
    EXPECT_THAT(must_attach(new_spec()).value.dns, ::testing::ElementsAre("192.0.2.53"));
    EXPECT_FALSE(guest.reaches(link.gateway, dns));
    EXPECT_EQ(call.warnings().size(), 1U);
}

TEST_F(Tap, GuestsReachOneAnotherOnlyWhereThatIsAskedFor)
{
    for (const bool allowed : {false, true}) {
        config.guests_reach_each_other = allowed;
        reopen();
        const auto one = must_attach(new_spec());
        const auto other = must_attach(new_spec());
        Guest server(other.value);
        server.serve();
        const Guest guest(one.value);
        EXPECT_EQ(guest.reaches(address_in(other.value)), allowed);
        // Nor by way of the host, which would know where to find it.
        guest.ip({"route", "add", address_in(other.value), "via", one.value.gateway});
        if (!allowed) {
            EXPECT_FALSE(guest.reaches(address_in(other.value)));
        }
        EXPECT_TRUE(network->release(one.handle));
        EXPECT_TRUE(network->release(other.handle));
    }
}

TEST_F(Tap, AGuestSpeaksForItselfAlone)
{
    make_outside();
    const auto link = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    ASSERT_TRUE(guest.reaches(on_the_internet));
    // Another address of the subnet, although it is nobody's.
    const Subnet subnet = *Subnet::parse("172.16.0.0/24");
    const Address free = *address_from_string(address_in(link)) == subnet.network + 200 ? subnet.network + 201
                                                                                         : subnet.network + 200;
    const auto become = [&](const std::string& address) {
        guest.ip({"address", "flush", "dev", "eth0"});
        guest.ip({"address", "add", address, "dev", "eth0"});
        guest.ip({"route", "replace", "default", "via", link.gateway});
    };
    become(to_string(free) + "/24");
    EXPECT_FALSE(guest.reaches(on_the_internet)) << "with an address that is not its own";
    become(link.address);
    ASSERT_TRUE(guest.reaches(on_the_internet));
    guest.ip({"link", "set", "eth0", "address", "52:54:00:00:00:01"});
    guest.ip({"route", "replace", "default", "via", link.gateway});
    EXPECT_FALSE(guest.reaches(on_the_internet)) << "with a hardware address that is not its own";
}

TEST_F(Tap, AGuestSaysInArpWhereItIsItselfAndNothingElse)
{
    const auto link = must_attach(new_spec(Egress::all)).value;
    const auto neighbour = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    const FrameSocket bridge("br-banger");
    const auto sends = guest.frames();
    const Mac mac = mac_from(link.mac);
    const auto truth = arp_answer(mac, mac, address_in(link));
    const std::vector<std::string> lies{arp_answer(mac, mac, link.gateway), arp_answer(mac, mac, address_in(neighbour)),
                                        arp_answer(mac, no_guest, address_in(link)), arp_answer(no_guest, no_guest, address_in(link))};
    for (const auto& lie : lies)
        sends->send(lie);
    sends->send(truth);
    for (const auto& came : bridge.until(truth))
        EXPECT_EQ(std::find(lies.begin(), lies.end(), came), lies.end());
}

TEST_F(Tap, AGuestSaysNothingInIpv6)
{
    const auto link = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    const FrameSocket bridge("br-banger");
    const auto sends = guest.frames();
    const Mac mac = mac_from(link.mac);
    // A whole packet of its own: a header, and nothing behind it (RFC 8200), to all nodes of the link.
    const std::string header = std::string("\x60\x00\x00\x00\x00\x00\x3b\xff", 8) +
                               std::string("\xfe\x80\x00\x00\x00\x00\x00\x00\x50\x54\x00\xff\xfe\x12\x34\x56", 16) +
                               std::string("\xff\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", 16);
    const std::vector<std::string> said_in_ipv6{frame(everybody, mac, ipv6_type, header),
                                                frame(mac_from("33:33:00:00:00:01"), mac, ipv6_type, header)};
    for (const auto& said : said_in_ipv6)
        sends->send(said);
    const auto last = arp_answer(mac, mac, address_in(link));
    sends->send(last);
    for (const auto& came : bridge.until(last))
        EXPECT_EQ(std::find(said_in_ipv6.begin(), said_in_ipv6.end(), came), said_in_ipv6.end());
}

TEST_F(Tap, WhatReachesAGuestIsForIt)
{
    const auto link = must_attach(new_spec(Egress::all)).value;
    const auto neighbour = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    const FrameSocket bridge("br-banger");
    const auto gets = guest.frames();
    const Mac mac = mac_from(link.mac);
    const auto theirs = packet(link.gateway, address_in(neighbour));
    const auto its_own = packet(link.gateway, address_in(link));
    const std::vector<std::string> others{
        frame(mac, no_guest, ip_type, theirs), frame(everybody, no_guest, ip_type, theirs),
        frame(mac_from("52:54:00:00:00:02"), no_guest, ip_type, its_own),
        frame(mac, no_guest, ipv6_type, std::string(40, '\x60'))};
    for (const auto& other : others)
        bridge.send(other);
    const auto last = frame(mac, no_guest, ip_type, its_own);
    bridge.send(last);
    for (const auto& came : gets->until(last))
        EXPECT_EQ(std::find(others.begin(), others.end(), came), others.end());
}

TEST_F(Tap, ForwardingThatSomebodySwitchedOffIsBackForTheNextGuest)
{
    make_outside();
    (void)must_attach(new_spec());
    said({"sysctl", "-q", "-w", "net.ipv4.ip_forward=0"});
    const Guest guest(must_attach(new_spec()).value);
    EXPECT_TRUE(guest.reaches(on_the_internet));
}

TEST_F(Tap, AReleasedGuestIsClosedOffAndLeavesNoRule)
{
    make_outside();
    const auto attached = must_attach(new_spec());
    const auto neighbour = must_attach(new_spec());
    const auto address = address_in(attached.value);
    EXPECT_THAT(said({"nft", "list", "ruleset"}), HasSubstr(address));
    ASSERT_TRUE(network->release(attached.handle));
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(address)));
    const auto tap = attached.value.attachment.fields.at("name");
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(tap))) << "the taps that wait have other names";
    EXPECT_TRUE(Guest(neighbour.value).reaches(on_the_internet)) << "a neighbour is not touched";
}

TEST_F(Tap, WhatIsLeftOfAnEarlierGuestAdmitsNobody)
{
    make_outside();
    config.pool = 0;
    reopen();
    const auto earlier = must_attach(new_spec());
    const auto tap = earlier.value.attachment.fields.at("name");
    const auto address = address_in(earlier.value);
    // Somebody removes its tap, and what admitted it stays.
    said({"ip", "link", "delete", tap});
    ASSERT_TRUE(network->release(earlier.handle));
    EXPECT_THAT(said({"nft", "list", "table", "inet", "banger_" + host.instance()}), Not(HasSubstr(address)));
    const auto later = must_attach(new_spec());
    ASSERT_EQ(later.value.attachment.fields.at("name"), tap);
    ASSERT_NE(address_in(later.value), address);
    const Guest guest(later.value);
    EXPECT_TRUE(guest.reaches(on_the_internet));
    guest.ip({"address", "flush", "dev", "eth0"});
    guest.ip({"address", "add", address + "/24", "dev", "eth0"});
    guest.ip({"route", "replace", "default", "via", later.value.gateway});
    EXPECT_FALSE(guest.reaches(on_the_internet));
}

TEST_F(Tap, WhereTheListOfAddressesIsLostThatOfAGuestWithoutATapIsClosedAllTheSame)
{
    make_outside();
    const auto lost = must_attach(new_spec());
    const auto neighbour = must_attach(new_spec()).value;
    said({"ip", "link", "delete", lost.value.attachment.fields.at("name")});
    ASSERT_EQ(::unlink((host.cache_directory() + "/addresses").c_str()), 0);
    ASSERT_TRUE(network->release(lost.handle));
    EXPECT_THAT(said({"nft", "list", "table", "inet", "banger_" + host.instance()}), Not(HasSubstr(address_in(lost.value))));
    EXPECT_TRUE(Guest(neighbour).reaches(on_the_internet));
}

TEST_F(Tap, AGuestOfAnEarlierBangerIsForgottenToo)
{
    const auto attached = must_attach(new_spec());
    network.reset();
    const std::string table = "netdev banger_" + host.instance() + " ";
    const auto tap = attached.value.attachment.fields.at("name");
    for (const char* way : {"from_", "to_"}) {
        said({"nft", "flush chain " + table + way + tap});
        said({"nft", "add rule " + table + way + tap + " ether type ip ip saddr " + address_in(attached.value) + " accept"});
    }
    for (const char* set : {"macs_", "addresses_"})
        said({"nft", "delete set " + table + set + tap});
    reopen();
    ASSERT_TRUE(network->release(attached.handle));
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(tap)));
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
