// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/interface_setup.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "banger/sdk/os/fd.hpp"

namespace banger::agent {
namespace {

/// linux/ipv6.h, which does not go together with the C library's headers.
struct In6Request {
    in6_addr address;
    std::uint32_t prefix_length;
    int interface_index;
};

sdk::os::UniqueFd control_socket(int family)
{
    return sdk::os::UniqueFd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

ifreq request_for(const std::string& name)
{
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    return request;
}

sockaddr* put_ipv4(sockaddr& where, std::uint32_t address)
{
    auto& inet = reinterpret_cast<sockaddr_in&>(where);
    inet = {};
    inet.sin_family = AF_INET;
    inet.sin_addr.s_addr = address;
    return &where;
}

sdk::Result<void> set_up(int control, const std::string& name, bool up)
{
    auto request = request_for(name);
    if (ioctl(control, SIOCGIFFLAGS, &request) != 0)
        return sdk::os_error("look at the interface");
    const auto flags = static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    if (flags == request.ifr_flags)
        return {};
    request.ifr_flags = flags;
    if (ioctl(control, SIOCSIFFLAGS, &request) != 0)
        return sdk::os_error("bring the interface up");
    return {};
}

sdk::Result<void> set_mac(int control, const std::string& name, const std::string& mac)
{
    auto request = request_for(name);
    std::array<unsigned, 6> wanted{};
    if (std::sscanf(mac.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x", &wanted[0], &wanted[1], &wanted[2], &wanted[3], &wanted[4],
                    &wanted[5]) != 6)
        return sdk::make_error(sdk::Code::invalid, "'" + mac + "' is not a MAC address");
    if (ioctl(control, SIOCGIFHWADDR, &request) != 0)
        return sdk::os_error("read the MAC address");
    bool same = true;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        same = same && static_cast<unsigned char>(request.ifr_hwaddr.sa_data[i]) == wanted[i];
        request.ifr_hwaddr.sa_data[i] = static_cast<char>(wanted[i]);
    }
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    if (!same && ioctl(control, SIOCSIFHWADDR, &request) != 0)
        return sdk::os_error("change the MAC address");
    return {};
}

std::uint32_t netmask_of(int length)
{
    return length == 0 ? 0 : htonl(~0U << static_cast<unsigned>(32 - length));
}

std::uint32_t ipv4_of(const Prefix& prefix)
{
    std::uint32_t address = 0;
    std::memcpy(&address, prefix.bytes, sizeof address);
    return address;
}

/// A route by way of `gateway`; 0 means directly on the link.
bool add_ipv4_route(int control, const std::string& name, std::uint32_t to, std::uint32_t mask, std::uint32_t gateway)
{
    rtentry route{};
    std::string device = name;
    put_ipv4(route.rt_dst, to);
    put_ipv4(route.rt_genmask, mask);
    put_ipv4(route.rt_gateway, gateway);
    route.rt_flags = RTF_UP | (gateway != 0 ? RTF_GATEWAY : 0) | (mask == ~0U ? RTF_HOST : 0);
    route.rt_dev = device.data();
    return ioctl(control, SIOCADDRT, &route) == 0 || errno == EEXIST;
}

sdk::Result<void> set_ipv4(const std::string& name, const Prefix& address, const Configuration::Link& link)
{
    const auto control = control_socket(AF_INET);
    auto request = request_for(name);
    put_ipv4(request.ifr_addr, ipv4_of(address));
    if (ioctl(control.get(), SIOCSIFADDR, &request) != 0)
        return sdk::os_error("set address " + link.address);
    put_ipv4(request.ifr_netmask, netmask_of(address.length));
    if (ioctl(control.get(), SIOCSIFNETMASK, &request) != 0)
        return sdk::os_error("set the netmask of " + link.address);
    if (auto up = set_up(control.get(), name, true); !up || link.gateway.empty())
        return up;
    const auto gateway = prefix_from(link.gateway + "/32");
    if (!gateway || gateway->family != AF_INET)
        return sdk::make_error(sdk::Code::invalid, "'" + link.gateway + "' is not an IPv4 address");
    const auto mask = netmask_of(address.length);
    const bool on_link = (ipv4_of(*gateway) & mask) == (ipv4_of(address) & mask);
    if ((!on_link && !add_ipv4_route(control.get(), name, ipv4_of(*gateway), ~0U, 0)) ||
        !add_ipv4_route(control.get(), name, 0, 0, ipv4_of(*gateway)))
        return sdk::os_error("add the route by " + link.gateway);
    return {};
}

sdk::Result<void> set_ipv6(const std::string& name, const Prefix& address, const Configuration::Link& link)
{
    const auto control = control_socket(AF_INET6);
    if (auto up = set_up(control.get(), name, true); !up)
        return up;
    In6Request request{};
    std::memcpy(&request.address, address.bytes, sizeof request.address);
    request.prefix_length = static_cast<std::uint32_t>(address.length);
    request.interface_index = static_cast<int>(if_nametoindex(name.c_str()));
    if (ioctl(control.get(), SIOCSIFADDR, &request) != 0 && errno != EEXIST)
        return sdk::os_error("set address " + link.address);
    if (link.gateway.empty())
        return {};
    const auto gateway = prefix_from(link.gateway + "/128");
    if (!gateway || gateway->family != AF_INET6)
        return sdk::make_error(sdk::Code::invalid, "'" + link.gateway + "' is not an IPv6 address");
    in6_rtmsg route{};
    std::memcpy(&route.rtmsg_gateway, gateway->bytes, sizeof route.rtmsg_gateway);
    route.rtmsg_flags = RTF_UP | RTF_GATEWAY;
    route.rtmsg_metric = 1;
    route.rtmsg_ifindex = request.interface_index;
    if (ioctl(control.get(), SIOCADDRT, &route) != 0 && errno != EEXIST)
        return sdk::os_error("add the route by " + link.gateway);
    return {};
}

}  // namespace

std::optional<Prefix> prefix_from(std::string_view text)
{
    Prefix prefix;
    const auto slash = text.find('/');
    if (slash == std::string_view::npos)
        return std::nullopt;
    const std::string address(text.substr(0, slash));
    const auto digits = text.substr(slash + 1);
    prefix.family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
    const int longest = prefix.family == AF_INET ? 32 : 128;
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || prefix.length < 0 ||
        prefix.length > longest || inet_pton(prefix.family, address.c_str(), prefix.bytes) != 1)
        return std::nullopt;
    return prefix;
}

sdk::Result<void> bring_up_loopback()
{
    const auto control = control_socket(AF_INET);
    return set_up(control.get(), "lo", true);
}

sdk::Result<void> set_up_interface(const std::string& name, const Configuration::Link& link)
{
    const auto address = prefix_from(link.address);
    if (!address)
        return sdk::make_error(sdk::Code::invalid, "'" + link.address + "' is not an address with a prefix length");
    const auto control = control_socket(AF_INET);
    if (auto done = set_mac(control.get(), name, link.mac); !done)
        return done;
    return address->family == AF_INET ? set_ipv4(name, *address, link) : set_ipv6(name, *address, link);
}

}  // namespace banger::agent
