// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "links.hpp"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/route.h>

#include <cerrno>

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

template <auto put>
struct Put {
    template <typename T>
    void operator()(T* object) const
    {
        put(object);
    }
};
using LinkObject = std::unique_ptr<rtnl_link, Put<rtnl_link_put>>;
using AddressObject = std::unique_ptr<rtnl_addr, Put<rtnl_addr_put>>;
using NetlinkAddress = std::unique_ptr<nl_addr, Put<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, Put<nl_cache_free>>;
using Message = std::unique_ptr<nl_msg, Put<nlmsg_free>>;

// libnl has numbers of its own for what the kernel said.
int errno_of(int status)
{
    switch (-status) {
    case NLE_PERM:
    case NLE_NOACCESS: return EPERM;
    case NLE_EXIST: return EEXIST;
    case NLE_OBJ_NOTFOUND:
    case NLE_NODEV: return ENODEV;
    case NLE_BUSY: return EBUSY;
    case NLE_NOMEM: return ENOMEM;
    case NLE_OPNOTSUPP: return EOPNOTSUPP;
    default: return EINVAL;
    }
}

// `doing` reads like "make bridge br-banger".
Result<void> done(int status, const std::string& doing)
{
    if (status >= 0)
        return {};
    const int why = errno_of(status);
    auto error = why == EINVAL ? make_error(Code::internal, "cannot " + doing + ": " + nl_geterror(status))
                               : sdk::os_error(doing, why);
    if (why == ENODEV)
        error.code = Code::not_found;
    if (why == EPERM)
        error.hint = "interfaces are root's: run the daemon as root, or use network 'user'";
    return error;
}

std::string text_or_empty(const char* text)
{
    return text == nullptr ? std::string() : std::string(text);
}

Interface interface_of(rtnl_link* link)
{
    Interface interface;
    interface.index = rtnl_link_get_ifindex(link);
    interface.name = text_or_empty(rtnl_link_get_name(link));
    interface.alias = text_or_empty(rtnl_link_get_ifalias(link));
    interface.kind = text_or_empty(rtnl_link_get_type(link));
    interface.master = rtnl_link_get_master(link);
    interface.up = (rtnl_link_get_flags(link) & IFF_UP) != 0;
    interface.rx_bytes = rtnl_link_get_stat(link, RTNL_LINK_RX_BYTES);
    interface.rx_packets = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS);
    interface.tx_bytes = rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES);
    interface.tx_packets = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS);
    return interface;
}

// Of a bridge's port (IFLA_BRPORT_ISOLATED of linux/if_link.h). libnl-route 3.7 does not know it.
bool put_isolated(nl_msg* message, bool isolated)
{
    nlattr* info = nla_nest_start(message, IFLA_LINKINFO);
    nlattr* of_port = info == nullptr ? nullptr : nla_nest_start(message, IFLA_INFO_SLAVE_DATA);
    if (of_port == nullptr || nla_put_u8(message, IFLA_BRPORT_ISOLATED, isolated ? 1 : 0) != 0)
        return false;
    nla_nest_end(message, of_port);
    nla_nest_end(message, info);
    return true;
}

// Changes that are written into an empty link are made to the one of that name.
template <typename Change>
Result<void> change(nl_sock* socket, const std::string& name, const std::string& doing, Change write,
                    std::optional<bool> isolated = std::nullopt)
{
    const LinkObject which(rtnl_link_alloc());
    const LinkObject changes(rtnl_link_alloc());
    if (!which || !changes)
        return sdk::os_error(doing, ENOMEM);
    rtnl_link_set_ifindex(which.get(), static_cast<int>(::if_nametoindex(name.c_str())));
    write(changes.get());
    nl_msg* built = nullptr;
    if (auto made = done(rtnl_link_build_change_request(which.get(), changes.get(), 0, &built), doing); !made)
        return made;
    Message message(built);
    if (isolated && !put_isolated(message.get(), *isolated))
        return sdk::os_error(doing, ENOMEM);
    return done(nl_send_sync(socket, message.release()), doing);  // which frees it
}

// Of an address or the destination of a route.
std::optional<Subnet> range_of(nl_addr* address)
{
    if (address == nullptr || nl_addr_get_family(address) != AF_INET || nl_addr_get_len(address) != sizeof(Address))
        return std::nullopt;
    const auto* bytes = static_cast<const unsigned char*>(nl_addr_get_binary_addr(address));
    Address number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i)
        number = number << 8U | bytes[i];
    const unsigned bits = nl_addr_get_prefixlen(address);
    if (bits == 0)
        return std::nullopt;
    return Subnet{number & ~0U << (32 - bits), bits};
}

// Whether somebody has what it leads to: a whole private range at most (RFC 1918), where VPNs split the default route into
// halves and quarters.
bool leads_to_a_subnet(rtnl_route* route)
{
    constexpr unsigned shortest_prefix = 8;
    switch (rtnl_route_get_type(route)) {
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
    case RTN_THROW: return false;
    default: break;
    }
    nl_addr* destination = rtnl_route_get_dst(route);
    return destination != nullptr && nl_addr_get_prefixlen(destination) >= shortest_prefix;
}

// What of a cache is ours to look at; libnl hands out plain objects.
template <typename Visit>
void for_each(const Cache& cache, Visit visit)
{
    for (auto* object = nl_cache_get_first(cache.get()); object != nullptr; object = nl_cache_get_next(object))
        visit(object);
}

}  // namespace

void Links::Close::operator()(nl_sock* socket) const
{
    nl_socket_free(socket);
}

Result<Links> Links::open()
{
    std::unique_ptr<nl_sock, Close> socket(nl_socket_alloc());
    if (!socket)
        return sdk::os_error("make a netlink socket", ENOMEM);
    if (auto connected = done(nl_connect(socket.get(), NETLINK_ROUTE), "connect to rtnetlink"); !connected)
        return std::move(connected).error();
    return Links(std::move(socket));
}

Result<std::vector<Interface>> Links::list()
{
    nl_cache* all = nullptr;
    if (auto asked = done(rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &all), "list interfaces"); !asked)
        return std::move(asked).error();
    const Cache cache(all);
    std::vector<Interface> interfaces;
    for_each(cache, [&](nl_object* object) { interfaces.push_back(interface_of(reinterpret_cast<rtnl_link*>(object))); });
    return interfaces;
}

Result<std::optional<Interface>> Links::find(const std::string& name)
{
    rtnl_link* found = nullptr;
    auto asked = done(rtnl_link_get_kernel(socket_.get(), 0, name.c_str(), &found), "look at interface " + name);
    if (!asked && asked.error().code == Code::not_found)
        return std::optional<Interface>();
    if (!asked)
        return std::move(asked).error();
    const LinkObject link(found);
    return std::optional(interface_of(link.get()));
}

Result<void> Links::add_bridge(const std::string& name, const std::string& mac)
{
    const std::string doing = "make bridge " + name;
    const LinkObject link(rtnl_link_bridge_alloc());
    nl_addr* parsed = nullptr;
    if (!link || nl_addr_parse(mac.c_str(), AF_LLC, &parsed) < 0)
        return sdk::os_error(doing, ENOMEM);
    const NetlinkAddress address(parsed);
    rtnl_link_set_name(link.get(), name.c_str());
    rtnl_link_set_addr(link.get(), address.get());
    auto made = done(rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL), doing);
    if (!made && made.error().code == Code::unsupported)
        return std::move(made).error().with_hint("`modprobe bridge` brings it where the kernel has it");
    return made;
}

Result<void> Links::remove(const std::string& name)
{
    const LinkObject link(rtnl_link_alloc());
    if (!link)
        return sdk::os_error("remove interface " + name, ENOMEM);
    rtnl_link_set_name(link.get(), name.c_str());
    auto removed = done(rtnl_link_delete(socket_.get(), link.get()), "remove interface " + name);
    return removed || removed.error().code == Code::not_found ? Result<void>() : removed;
}

Result<void> Links::mark(const std::string& name, const std::string& alias)
{
    return change(socket_.get(), name, "mark interface " + name,
                  [&](rtnl_link* link) { rtnl_link_set_ifalias(link, alias.c_str()); });
}

Result<void> Links::rename(const std::string& name, const std::string& wanted)
{
    return change(socket_.get(), name, "name interface " + name + " " + wanted,
                  [&](rtnl_link* link) { rtnl_link_set_name(link, wanted.c_str()); });
}

Result<void> Links::set_up(const std::string& name)
{
    return change(socket_.get(), name, "set interface " + name + " up",
                  [](rtnl_link* link) { rtnl_link_set_flags(link, IFF_UP); });
}

Result<void> Links::add_port(const std::string& name, const Interface& bridge)
{
    return change(socket_.get(), name, "make " + name + " a port of " + bridge.name,
                  [&](rtnl_link* link) { rtnl_link_set_master(link, bridge.index); });
}

Result<void> Links::isolate(const std::string& port, bool isolated)
{
    return change(socket_.get(), port, "say whether port " + port + " is isolated", [](rtnl_link*) {}, isolated);
}

Result<void> Links::add_address(const Interface& interface, const Subnet& subnet)
{
    const std::string text = to_string(subnet.gateway()) + "/" + std::to_string(subnet.prefix_bits);
    const std::string doing = "give " + interface.name + " the address " + text;
    const AddressObject address(rtnl_addr_alloc());
    nl_addr* parsed = nullptr;
    if (!address || nl_addr_parse(text.c_str(), AF_INET, &parsed) < 0)
        return sdk::os_error(doing, ENOMEM);
    const NetlinkAddress local(parsed);
    rtnl_addr_set_ifindex(address.get(), interface.index);
    (void)rtnl_addr_set_local(address.get(), local.get());
    auto added = done(rtnl_addr_add(socket_.get(), address.get(), 0), doing);
    return added || added.error().code == Code::exists ? Result<void>() : added;
}

Result<std::optional<Subnet>> Links::subnet_of(const Interface& interface)
{
    nl_cache* all = nullptr;
    if (auto asked = done(rtnl_addr_alloc_cache(socket_.get(), &all), "list addresses"); !asked)
        return std::move(asked).error();
    const Cache addresses(all);
    std::optional<Subnet> subnet;
    for_each(addresses, [&](nl_object* object) {
        auto* address = reinterpret_cast<rtnl_addr*>(object);
        if (!subnet && rtnl_addr_get_ifindex(address) == interface.index)
            subnet = range_of(rtnl_addr_get_local(address));
    });
    return subnet;
}

Result<std::vector<Subnet>> Links::subnets_in_use(const std::string& except)
{
    auto itself = find(except);
    if (!itself)
        return std::move(itself).error();
    const int ours = *itself ? (*itself)->index : 0;
    nl_cache* all = nullptr;
    if (auto asked = done(rtnl_addr_alloc_cache(socket_.get(), &all), "list addresses"); !asked)
        return std::move(asked).error();
    const Cache addresses(all);
    if (auto asked = done(rtnl_route_alloc_cache(socket_.get(), AF_INET, 0, &all), "list routes"); !asked)
        return std::move(asked).error();
    const Cache routes(all);
    std::vector<Subnet> subnets;
    for_each(addresses, [&](nl_object* object) {
        auto* address = reinterpret_cast<rtnl_addr*>(object);
        const auto subnet = range_of(rtnl_addr_get_local(address));
        if (subnet && rtnl_addr_get_ifindex(address) != ours)
            subnets.push_back(*subnet);
    });
    for_each(routes, [&](nl_object* object) {
        auto* route = reinterpret_cast<rtnl_route*>(object);
        auto* hop = rtnl_route_get_nnexthops(route) > 0 ? rtnl_route_nexthop_n(route, 0) : nullptr;
        const auto subnet = range_of(rtnl_route_get_dst(route));
        if (subnet && leads_to_a_subnet(route) && (hop == nullptr || ours == 0 || rtnl_route_nh_get_ifindex(hop) != ours))
            subnets.push_back(*subnet);
    });
    return subnets;
}

}  // namespace banger::tap
