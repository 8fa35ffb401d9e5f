// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "host_network.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <set>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "firewall.hpp"
#include "older_firewall.hpp"
#include "resolvers.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr const char* first_name = "br-banger";
constexpr unsigned chosen_bits = 24;  // of a subnet that nobody configured
constexpr unsigned unmade_tap = 0xfffff;  // as many hexadecimal digits as a name has room for; this one is never made

// A setting of the kernel's, in this network namespace (Documentation/networking/ip-sysctl.rst).
Result<void> set(const std::string& path, const std::string& value)
{
    if (const auto now = os::read_file(path); now && *now == value + "\n")
        return {};
    auto fd = os::open_file(path, O_WRONLY);
    if (!fd)
        return std::move(fd).error();
    return os::write_all(fd->get(), value);
}

// Whoever made it died before he said whose it is.
bool is_unmarked_bridge(const Interface& interface)
{
    return interface.kind == "bridge" && interface.alias.empty();
}

std::string tap_name(const std::string& instance, unsigned number)
{
    std::array<char, 8> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%x", number);
    return "b" + instance + "-" + digits.data();
}

}  // namespace

Result<HostNetwork> HostNetwork::lock(sdk::Host& host, const Config& config, Firewall& firewall)
{
    const os::OwnRights rights;
    const std::string path = host.cache_directory() + "/network.lock";
    auto fd = os::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    int locked = 0;
    do
        locked = ::flock(fd->get(), LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked != 0)
        return sdk::os_error("lock " + path);
    auto links = Links::open();
    if (!links)
        return std::move(links).error();
    auto leases = Leases::open(host);
    if (!leases)
        return std::move(leases).error();
    return HostNetwork(host, config, firewall, std::move(*fd), std::move(*links), std::move(*leases));
}

Result<std::vector<Interface>> HostNetwork::interfaces()
{
    if (!interfaces_) {
        auto all = links_.list();
        if (!all)
            return all;
        interfaces_ = std::move(*all);
    }
    return *interfaces_;
}

Result<std::vector<Interface>> HostNetwork::pool(const Interface& bridge)
{
    auto taps = marked(alias());
    if (taps)
        std::erase_if(*taps, [&](const Interface& tap) { return tap.alias != alias() || tap.master != bridge.index; });
    return taps;
}

Result<std::vector<Interface>> HostNetwork::marked(const std::string& alias_prefix)
{
    auto all = interfaces();
    if (all)
        std::erase_if(*all, [&](const Interface& one) { return !one.alias.starts_with(alias_prefix); });
    return all;
}

Result<std::optional<Interface>> HostNetwork::find_bridge()
{
    auto found = marked(alias() + " bridge");
    if (!found)
        return std::move(found).error();
    return found->empty() ? std::optional<Interface>() : std::optional(found->front());
}

Result<std::string> HostNetwork::choose_name()
{
    const std::string own = own_bridge();
    for (const std::string& name : config_.bridge.empty() ? std::vector<std::string>{first_name, own}
                                                          : std::vector{config_.bridge}) {
        auto there = links_.find(name);
        if (!there)
            return std::move(there).error();
        if (!*there || (name == own && is_unmarked_bridge(**there)))
            return name;
    }
    const std::string name = config_.bridge.empty() ? own : config_.bridge;
    return make_error(Code::exists, "there is an interface " + name + " that is not this banger's",
                      "remove it, or set another bridge under [plugin.net-tap]");
}

Result<bool> HostNetwork::is_as_configured(const Interface& bridge)
{
    auto has = subnet_of(bridge);
    if (!has)
        return std::move(has).error();
    const bool other_name = !config_.bridge.empty() && bridge.name != config_.bridge;
    const bool other_subnet = config_.subnet && *has && **has != *config_.subnet;
    if (!other_name && !other_subnet)
        return true;
    auto used = claimed();
    if (!used)
        return std::move(used).error();
    if (used->empty())
        return false;
    return make_error(Code::precondition,
                      "guests are on bridge " + bridge.name + (*has ? " with " + (*has)->text() : "") + ", and " +
                          (other_name ? "bridge " + config_.bridge : config_.subnet->text()) +
                          " is set under [plugin.net-tap]",
                      "stop the machines that have a tap (`banger vm list`), or set it back");
}

/// The guests' subnet on a bridge of ours. The bridge knows it where the file that says so was lost.
Result<std::optional<Subnet>> HostNetwork::subnet_of(const Interface& bridge)
{
    return leases_.subnet() ? leases_.subnet() : links_.subnet_of(bridge);
}

Result<Subnet> HostNetwork::choose_subnet(const std::string& bridge)
{
    auto used = links_.subnets_in_use(bridge);
    if (!used)
        return std::move(used).error();
    const auto in_the_way = [&](const Subnet& subnet) {
        return std::find_if(used->begin(), used->end(), [&](const Subnet& other) { return other.overlaps(subnet); });
    };
    if (config_.subnet) {
        const auto other = in_the_way(*config_.subnet);
        if (other == used->end())
            return *config_.subnet;
        return make_error(Code::precondition,
                          config_.subnet->text() + " cannot be the guests' subnet: this host has " + other->text() + " already",
                          "set another subnet under [plugin.net-tap]");
    }
    if (leases_.subnet() && in_the_way(*leases_.subnet()) == used->end())
        return *leases_.subnet();
    for (const Subnet& range : private_ranges)
        for (std::uint32_t i = 0; i < 1U << (chosen_bits - range.prefix_bits); ++i) {
            const Subnet subnet{range.network + (i << (32 - chosen_bits)), chosen_bits};
            if (in_the_way(subnet) == used->end())
                return subnet;
        }
    return make_error(Code::precondition, "this host has routes into every /24 of the private ranges",
                      "set a smaller subnet under [plugin.net-tap]");
}

Result<void> HostNetwork::make_bridge(const std::string& name)
{
    interfaces_.reset();
    const std::string own = own_bridge();
    if (auto gone = remove_unmarked_bridge(); !gone)
        return gone;
    if (auto made = links_.add_bridge(own, sdk::mac_of({instance_, "bridge", {}})); !made)
        return made;
    auto made = prepare_bridge(own);
    // From here on it is found by its mark, and whole.
    if (made)
        made = links_.mark(own, alias() + " bridge");
    if (made && name != own)
        made = links_.rename(own, name);
    if (!made)
        (void)links_.remove(own);
    return made;
}

Result<void> HostNetwork::remove_unmarked_bridge()
{
    auto left = links_.find(own_bridge());
    if (!left)
        return std::move(left).error();
    return *left && is_unmarked_bridge(**left) ? links_.remove(own_bridge()) : Result<void>();
}

Result<void> HostNetwork::prepare_bridge(const std::string& name)
{
    // Guests speak IPv4 only, and the host would answer them under an address of its own making.
    const std::string ipv6 = "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6";
    return os::exists(ipv6) ? set(ipv6, "1") : Result<void>();
}

Result<void> HostNetwork::check()
{
    // The kernel asks for the right before it looks for the interface.
    if (auto allowed = links_.remove(tap_name(instance_, unmade_tap)); !allowed)
        return allowed;
    if (auto passes = check_firewall(); !passes)
        return passes;
    auto bridge = find_bridge();
    if (!bridge)
        return std::move(bridge).error();
    if (*bridge)
        if (auto fits = is_as_configured(**bridge); !fits || *fits)
            return fits ? Result<void>() : std::move(fits).error();
    auto name = choose_name();
    if (!name)
        return std::move(name).error();
    auto subnet = choose_subnet(*name);
    return subnet ? Result<void>() : std::move(subnet).error();
}

Result<void> HostNetwork::check_firewall()
{
    if (config_.firewall_lets_guests_through)
        return {};
    auto chain = firewall_->chain_that_drops();
    if (!chain)
        return std::move(chain).error();
    if (!*chain)
        *chain = older_chain_that_drops();
    return !*chain ? Result<void>()
                   : make_error(Code::unsupported, "this host's own firewall drops what it forwards (" + **chain + ")",
                                "let the guests' bridge through there and set firewall_lets_guests_through under "
                                "[plugin.net-tap], or use network 'user'");
}

Result<Interface> HostNetwork::ensure_bridge()
{
    auto bridge = find_bridge();
    if (!bridge)
        return std::move(bridge).error();
    if (*bridge) {
        auto fits = is_as_configured(**bridge);
        if (!fits)
            return std::move(fits).error();
        if (!*fits) {
            if (auto removed = remove_if_unused(); !removed)
                return std::move(removed).error();
            bridge->reset();
        }
    }
    auto name = *bridge ? Result<std::string>((*bridge)->name) : choose_name();
    if (!name)
        return std::move(name).error();
    auto there = *bridge ? subnet_of(**bridge) : Result<std::optional<Subnet>>(std::nullopt);
    if (!there)
        return std::move(there).error();
    auto subnet = *there ? Result<Subnet>(**there) : choose_subnet(*name);
    if (!subnet)
        return std::move(subnet).error();
    leases_.use(*subnet);
    if (auto wrote = leases_.write(); !wrote)
        return std::move(wrote).error();
    if (!*bridge) {
        if (auto made = make_bridge(*name); !made)
            return std::move(made).error();
        bridge = find_bridge();
        if (!bridge || !*bridge)
            return bridge ? make_error(Code::not_found, "bridge " + *name + " went away") : std::move(bridge).error();
    }
    auto given = links_.add_address(**bridge, *subnet);
    return given ? Result<Interface>(**bridge) : std::move(given).error();
}

Result<void> HostNetwork::start_forwarding(const Interface& bridge)
{
    auto opened = set("/proc/sys/net/ipv4/ip_forward", "1");
    if (opened)
        opened = restore_rules(bridge);
    return opened && !bridge.up ? links_.set_up(bridge.name) : opened;
}

/// Those that all guests share, and those of all taps: the guests', as their aliases say, and the pool's, which may be another
/// banger's work.
Result<void> HostNetwork::restore_rules(const Interface& bridge)
{
    const std::string network = rules::of_network(
        {instance_, bridge.name, *leases_.subnet(), resolvers_for_guests(leases_.subnet()->gateway()),
         config_.guests_reach_each_other});
    if (!firewall_->needs(network))
        return {};
    auto guests = rules_of_guests();
    auto taps = pool(bridge);
    if (!guests || !taps)
        return guests ? std::move(taps).error() : std::move(guests).error();
    std::string all = network + *guests;
    for (const auto& tap : *taps)
        all += rules::of_tap(instance_, tap.name);
    auto restored = firewall_->restore(network, all);
    if (restored || taps->empty())
        return restored;
    // It may be for one of them, which are nobody's yet.
    for (const auto& tap : *taps)
        if (auto removed = links_.remove(tap.name); !removed)
            return removed;
    interfaces_.reset();
    return firewall_->restore(network, network + *guests);
}

Result<std::string> HostNetwork::rules_of_guests()
{
    auto all = claimed();
    if (!all)
        return std::move(all).error();
    std::string text = rules::to_close_all(instance_);
    for (const auto& one : *all) {
        text += rules::of_tap(instance_, one.tap.name);
        if (one.address)
            text += text_of(rules::to_admit(
                instance_, {one.tap.name, sdk::mac_of({instance_, one.vm, {}}), *one.address, one.egress}));
    }
    return text;
}

Result<void> HostNetwork::look_after_rules()
{
    auto bridge = find_bridge();
    auto used = claimed();
    if (!bridge || !used)
        return bridge ? std::move(used).error() : std::move(bridge).error();
    if (!*bridge || used->empty())
        return {};
    auto subnet = subnet_of(**bridge);
    if (!subnet || !*subnet)
        return subnet ? Result<void>() : std::move(subnet).error();
    leases_.use(**subnet);
    return restore_rules(**bridge);
}

Result<NewTap> HostNetwork::new_tap()
{
    auto all = links_.list();
    if (!all)
        return std::move(all).error();
    for (unsigned number = 0; number < unmade_tap; ++number) {
        const std::string name = tap_name(instance_, number);
        if (std::none_of(all->begin(), all->end(), [&](const Interface& other) { return other.name == name; }))
            return NewTap::make(name);
    }
    return make_error(Code::busy, "this banger has as many taps as there can be");
}

/// It has its chains, which let nothing through, before it is a port.
Result<void> HostNetwork::make_port(const std::string& tap, const Interface& bridge)
{
    auto made = firewall_->run(rules::of_tap(instance_, tap));
    if (made)
        made = links_.add_port(tap, bridge);
    return made ? links_.isolate(tap, !config_.guests_reach_each_other) : made;
}

/// One that waits, or a new one. Whose it is before anything else, so that it is found whatever happens.
Result<std::string> HostNetwork::take_tap(const Interface& bridge, const std::string& whose)
{
    auto waiting = pool(bridge);
    if (!waiting)
        return std::move(waiting).error();
    interfaces_.reset();
    if (!waiting->empty()) {
        auto marked = links_.mark(waiting->front().name, whose);
        return marked ? Result<std::string>(waiting->front().name) : std::move(marked).error();
    }
    auto tap = new_tap();
    auto made = tap ? links_.mark(tap->name(), whose) : tap.error();
    if (made)
        made = tap->keep();
    return made ? Result<std::string>(tap->name()) : std::move(made).error();
}

Result<HostNetwork::Claimed> HostNetwork::claim(const std::string& vm, sdk::Egress egress)
{
    auto bridge = ensure_bridge();
    auto address = bridge ? take_address(vm) : bridge.error();
    if (!address)
        return std::move(address).error();
    auto tap = take_tap(*bridge, alias() + " " + vm + " " + to_string(*address) + " " + std::string(sdk::to_string(egress)));
    if (!tap)
        return std::move(tap).error();
    auto given = give_tap(*tap, user_);
    auto claimed = given ? claimed_by(vm) : given.error();
    if (claimed && *claimed)
        return std::move(**claimed);
    (void)give_back(vm);
    return claimed ? make_error(Code::not_found, "tap " + *tap + " went away") : std::move(claimed).error();
}

Result<void> HostNetwork::connect(const std::string& vm)
{
    auto found = claimed_by(vm);
    if (!found)
        return std::move(found).error();
    if (!*found || !(*found)->address)
        return make_error(Code::not_found, "VM " + vm + " has no tap");
    const auto& [_, tap, address, egress] = **found;
    auto bridge = ensure_bridge();
    if (!bridge)
        return std::move(bridge).error();
    if (!subnet().contains(*address))  // somebody removed the bridge, and its subnet is another's now
        return make_error(Code::precondition, "VM " + vm + " has the address " + to_string(*address) + ", and guests are in " +
                                                  subnet().text() + " now", "start it again");
    auto connected = start_forwarding(*bridge);
    interfaces_.reset();
    // A banger with other settings may have made a port of it.
    if (connected)
        connected = tap.master == bridge->index ? links_.isolate(tap.name, !config_.guests_reach_each_other)
                                                : make_port(tap.name, *bridge);
    if (connected)
        connected = firewall_->run(
            rules::to_admit(instance_, {tap.name, sdk::mac_of({instance_, vm, {}}), *address, egress}));
    return connected ? links_.set_up(tap.name) : connected;
}

Result<Address> HostNetwork::take_address(const std::string& vm)
{
    auto used = claimed();
    if (!used)
        return std::move(used).error();
    std::set<Address> of_others;
    for (const auto& one : *used)
        if (one.address && one.vm != vm)
            of_others.insert(*one.address);
    auto address = leases_.take(vm, of_others);
    if (auto wrote = address ? leases_.write() : address.error(); !wrote)
        return std::move(wrote).error();
    return address;
}

Result<void> HostNetwork::give_back(const std::string& vm)
{
    auto claimed = claimed_by(vm);
    if (!claimed)
        return std::move(claimed).error();
    if (!*claimed)
        return close_address(vm);
    interfaces_.reset();
    auto forgot = firewall_->run(rules::to_forget(instance_, (*claimed)->tap.name, (*claimed)->address));
    // The tap goes in any case: without it nothing gets in or out, and without a table there is nothing to forget.
    if (auto removed = links_.remove((*claimed)->tap.name); !removed)
        return removed;
    auto bridge = find_bridge();
    return !forgot && bridge && *bridge ? std::move(forgot).error() : Result<void>();
}

/// Of a VM whose tap somebody else removed, or whose rules could not be taken away with it.
Result<void> HostNetwork::close_address(const std::string& vm)
{
    auto bridge = find_bridge();
    if (!bridge || !*bridge)
        return bridge ? Result<void>() : std::move(bridge).error();
    if (const auto address = leases_.of(vm))
        return firewall_->run(rules::to_close(instance_, *address));
    auto all = rules_of_guests();  // nobody knows which was its
    return all ? firewall_->run(*all) : std::move(all).error();
}

Result<void> HostNetwork::fill_pool()
{
    auto bridge = find_bridge();
    if (!bridge || !*bridge)
        return bridge ? Result<void>() : std::move(bridge).error();
    auto taps = pool(**bridge);
    if (!taps)
        return std::move(taps).error();
    interfaces_.reset();
    for (std::size_t ready = taps->size(); ready < config_.pool; ++ready) {
        auto tap = new_tap();
        auto made = tap ? links_.mark(tap->name(), alias()) : tap.error();
        if (made)
            made = make_port(tap->name(), **bridge);
        if (made)
            made = tap->keep();
        if (!made)
            return made;
    }
    return {};
}

Result<void> HostNetwork::remove_if_unused()
{
    auto all = marked(alias());
    auto used = claimed();
    if (!all || !used)
        return all ? std::move(used).error() : std::move(all).error();
    if (!used->empty())
        return {};
    if (auto gone = remove_unmarked_bridge(); !gone || all->empty())
        return gone;
    interfaces_.reset();
    const auto forgot = firewall_->remove(rules::to_remove(instance_));
    sdk::Result<void> removed = forgot ? sdk::Result<void>() : forgot.error();
    for (const auto& one : *all)
        if (auto gone = links_.remove(one.name); !gone && removed)
            removed = std::move(gone);
    return removed;
}

Result<std::vector<HostNetwork::Claimed>> HostNetwork::claimed()
{
    const std::string prefix = alias() + " ";
    auto all = marked(prefix);
    if (!all)
        return std::move(all).error();
    std::vector<Claimed> claimed;
    for (auto& one : *all)
        if (one.alias != alias() + " bridge") {
            std::istringstream words(one.alias.substr(prefix.size()));
            std::string vm;
            std::string address;
            std::string egress;
            words >> vm >> address >> egress;
            // An earlier banger's says the VM only, or not what the guest may reach: then the less.
            claimed.push_back({vm, std::move(one), address.empty() ? leases_.of(vm) : address_from_string(address),
                               sdk::egress_from_string(egress).value_or(sdk::Egress::internet)});
        }
    return claimed;
}

Result<std::optional<HostNetwork::Claimed>> HostNetwork::claimed_by(const std::string& vm)
{
    auto all = claimed();
    if (!all)
        return std::move(all).error();
    for (auto& one : *all)
        if (one.vm == vm)
            return std::optional(std::move(one));
    return std::optional<Claimed>();
}

}  // namespace banger::tap
