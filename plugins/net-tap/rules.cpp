// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include <netinet/ether.h>

#include <array>
#include <iterator>
#include <utility>

namespace banger::tap::rules {
namespace {

// What is not the internet: private, shared, loopback, link-local (metadata services are there), benchmark, multicast and
// reserved ranges of RFC 6890; and 168.63.129.16, where Azure tells a host what is for that host alone
// (https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16).
constexpr const char* not_the_internet =
    "0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 168.63.129.16, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, "
    "192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3";

const char* set_of(sdk::Egress egress)
{
    return egress == sdk::Egress::all ? "to_all" : "to_internet";
}

std::string macs_of(const std::string& tap)
{
    return "macs_" + tap;
}

std::string addresses_of(const std::string& tap)
{
    return "addresses_" + tap;
}

std::array<std::pair<std::string, const char*>, 2> sets_of(const std::string& tap)
{
    return {{{macs_of(tap), " { type ether_addr; }\n"}, {addresses_of(tap), " { type ipv4_addr; }\n"}}};
}

std::string tables_and_sets(const std::string& instance)
{
    const std::string table = "inet " + table_of(instance);
    std::string text = "add table " + table + "\nadd table netdev " + table_of(instance) + "\n";
    for (const char* set : {"to_internet", "to_all"})
        text += "add set " + table + " " + set + " { type ipv4_addr; }\n";
    return text;
}

/// Four bytes, the first one first.
std::string key_of(Address address)
{
    std::string key;
    for (const unsigned bits : {24U, 16U, 8U, 0U})
        key += static_cast<char>(address >> bits);
    return key;
}

/// Six bytes of "52:54:00:12:34:56"; none if that is no hardware address.
std::string key_of(const std::string& mac)
{
    ether_addr key{};
    if (::ether_aton_r(mac.c_str(), &key) == nullptr)
        return {};
    return {std::begin(key.ether_addr_octet), std::end(key.ether_addr_octet)};
}

SetChange change_of(SetChange::Verb verb, const std::string& instance, const char* set, Address address)
{
    return {verb, SetChange::Family::inet, table_of(instance), set, to_string(address), key_of(address)};
}

/// It may go nowhere. What is to be taken away is added first, so that it is no error where it is not there.
std::vector<SetChange> without_address(const std::string& instance, Address address)
{
    std::vector<SetChange> changes;
    for (const char* set : {"to_internet", "to_all"})
        for (const auto verb : {SetChange::Verb::add, SetChange::Verb::take_away})
            changes.push_back(change_of(verb, instance, set, address));
    return changes;
}

std::string quoted(const std::string& name)
{
    return "\"" + name + "\"";
}

}  // namespace

std::string table_of(const std::string& instance)
{
    return "banger_" + instance;
}

std::string of_network(const Network& network)
{
    const std::string table = "inet " + table_of(network.instance);
    const std::string bridge = quoted(network.bridge);
    std::string text = tables_and_sets(network.instance);
    text += "add set " + table + " resolvers { type ipv4_addr; }\n";
    text += "add set " + table + " closed { type ipv4_addr; flags interval; elements = { " + not_the_internet + " } }\n";
    text += "flush set " + table + " resolvers\n";
    for (const Address resolver : network.resolvers)
        text += "add element " + table + " resolvers { " + to_string(resolver) + " }\n";
    text += "add chain " + table + " forward { type filter hook forward priority filter; policy accept; }\n" +
            "add chain " + table + " input { type filter hook input priority filter; policy accept; }\n" +
            "add chain " + table + " postrouting { type nat hook postrouting priority srcnat; policy accept; }\n";
    const auto rule = [&](const std::string& chain, const std::string& words) {
        text += "add rule " + table + " " + chain + " " + words + "\n";
    };
    for (const char* chain : {"forward", "input", "postrouting"})
        text += "flush chain " + table + " " + chain + "\n";
    const std::string asks_resolver = "ip saddr @to_internet ip daddr @resolvers meta l4proto { tcp, udp } th dport 53 accept";
    const std::string refuse = "reject with icmpx type admin-prohibited";
    // By way of the host; and where the kernel shows bridged frames to this family (br_netfilter), those as well.
    rule("forward", "iifname " + bridge + " oifname " + bridge + (network.guests_reach_each_other ? " accept" : " drop"));
    rule("forward", "oifname " + bridge + " ct state established,related accept");
    rule("forward", "oifname " + bridge + " drop");
    rule("forward", "iifname != " + bridge + " accept");
    rule("forward", "ip daddr 127.0.0.0/8 drop");
    rule("forward", "ip saddr @to_all accept");
    rule("forward", asks_resolver);
    rule("forward", "ip saddr @to_internet ip daddr @closed " + refuse);
    rule("forward", "ip saddr @to_internet accept");
    rule("forward", "drop");
    // The host itself. Its loopback is nobody's, whatever routes say.
    rule("input", "iifname != " + bridge + " accept");
    rule("input", "ip daddr 127.0.0.0/8 drop");
    rule("input", "ip saddr @to_all accept");
    rule("input", "ct state established,related accept");
    rule("input", asks_resolver);
    rule("input", "ip daddr " + to_string(network.subnet.gateway()) + " icmp type echo-request accept");
    rule("input", refuse);
    for (const char* set : {"to_internet", "to_all"})
        rule("postrouting", "ip saddr @" + std::string(set) + " oifname != " + bridge + " masquerade");
    return text;
}

std::string of_tap(const std::string& instance, const std::string& tap)
{
    const std::string table = "netdev " + table_of(instance) + " ";
    std::string text = tables_and_sets(instance);
    for (const auto& [set, type] : sets_of(tap))
        text += "add set " + table + set + type + "flush set " + table + set + "\n";
    const auto chain = [&](const std::string& name, const std::string& hook) {
        text += "add chain " + table + name + " { type filter hook " + hook + " device " + quoted(tap) +
                " priority 0; policy drop; }\nflush chain " + table + name + "\n";
    };
    const auto rule = [&](const std::string& name, const std::string& words) {
        text += "add rule " + table + name + " " + words + "\n";
    };
    const std::string mac = "@" + macs_of(tap);
    const std::string address = "@" + addresses_of(tap);
    // What it sends has its hardware address and its address, in ARP as well (RFC 5227 asks with none).
    const std::string from = "from_" + tap;
    chain(from, "ingress");
    rule(from, "ether saddr != " + mac + " drop");
    rule(from, "ether type arp arp saddr ether " + mac + " arp saddr ip " + address + " accept");
    rule(from, "ether type arp arp saddr ether " + mac + " arp saddr ip 0.0.0.0 accept");
    rule(from, "ether type ip ip saddr " + address + " accept");
    // What reaches it is for it.
    const std::string to = "to_" + tap;
    chain(to, "egress");
    rule(to, "ether daddr != ff:ff:ff:ff:ff:ff ether daddr != " + mac + " drop");
    rule(to, "ether type arp accept");
    rule(to, "ether type ip ip daddr " + address + " accept");
    return text;
}

std::vector<SetChange> to_admit(const std::string& instance, const Guest& guest)
{
    const std::string table = table_of(instance);
    // Whatever is left there of somebody before is not the guest's.
    auto changes = without_address(instance, guest.address);
    for (const auto& [set, type] : sets_of(guest.tap))
        changes.push_back({SetChange::Verb::empty, SetChange::Family::netdev, table, set});
    changes.push_back(change_of(SetChange::Verb::add, instance, set_of(guest.egress), guest.address));
    changes.push_back({SetChange::Verb::add, SetChange::Family::netdev, table, macs_of(guest.tap), guest.mac, key_of(guest.mac)});
    changes.push_back({SetChange::Verb::add, SetChange::Family::netdev, table, addresses_of(guest.tap), to_string(guest.address),
                       key_of(guest.address)});
    return changes;
}

std::string to_forget(const std::string& instance, const std::string& tap, std::optional<Address> address)
{
    const std::string table = table_of(instance) + " ";
    std::string text = tables_and_sets(instance) + (address ? text_of(without_address(instance, *address)) : "");
    for (const char* way : {"from_", "to_"}) {
        const std::string chain = " chain netdev " + table + way + tap + "\n";
        text += "add" + chain + "flush" + chain + "delete" + chain;
    }
    for (const auto& [set, type] : sets_of(tap))
        text += "add set netdev " + table + set + type + "delete set netdev " + table + set + "\n";
    return text;
}

std::string to_close(const std::string& instance, Address address)
{
    return tables_and_sets(instance) + text_of(without_address(instance, address));
}

std::string to_close_all(const std::string& instance)
{
    std::string text = tables_and_sets(instance);
    for (const char* set : {"to_internet", "to_all"})
        text += "flush set inet " + table_of(instance) + " " + set + "\n";
    return text;
}

std::string to_remove(const std::string& instance)
{
    std::string text;
    for (const char* family : {"inet ", "netdev "})
        for (const char* verb : {"add table ", "delete table "})
            text += verb + std::string(family) + table_of(instance) + "\n";
    return text;
}

}  // namespace banger::tap::rules
