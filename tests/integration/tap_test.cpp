// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What passes, by net-tap with real traffic, between network namespaces of its own.
#include <gmock/gmock.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "tests/integration/tap_fixture.hpp"

namespace banger::tap {
namespace {

using sdk::Egress;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
namespace os = sdk::os;

// And not only one that begins with the same digits.
auto has_address(const std::string& address)
{
    return ContainsRegex(address + "([^0-9]|$)");
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
    EXPECT_THAT(said({"nft", "list", "ruleset"}), has_address(address));
    ASSERT_TRUE(network->release(attached.handle));
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(has_address(address)));
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
    EXPECT_THAT(said({"nft", "list", "table", "inet", "banger_" + host.instance()}), Not(has_address(address)));
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
    EXPECT_THAT(said({"nft", "list", "table", "inet", "banger_" + host.instance()}), Not(has_address(address_in(lost.value))));
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

}  // namespace
}  // namespace banger::tap
