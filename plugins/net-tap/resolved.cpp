// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "resolved.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace banger::tap {
namespace {

constexpr const char* service = "org.freedesktop.resolve1";
constexpr const char* manager_path = "/org/freedesktop/resolve1";
constexpr const char* manager = "org.freedesktop.resolve1.Manager";
constexpr const char* link_interface = "org.freedesktop.resolve1.Link";
constexpr std::uint16_t usual_port = 53;  ///< which it says as 0

BusMethod of_manager(const char* member)
{
    return {service, manager_path, manager, member};
}

std::string named(const char* member)
{
    return std::string("systemd-resolved's ") + member;
}

/// An address as the bus has it: family, and bytes in network order.
struct WireAddress {
    int family = AF_UNSPEC;
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    [[nodiscard]] std::size_t size() const { return family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr); }
};

WireAddress wire_address(const std::string& text)
{
    WireAddress address;
    for (const int family : {AF_INET, AF_INET6})
        if (::inet_pton(family, text.c_str(), address.bytes.data()) == 1) {
            address.family = family;
            break;
        }
    return address;
}

/// A method of resolved's that takes an interface and something, and answers nothing.
template <typename... Arguments>
sdk::Result<void> tell(BusClient& bus, const char* method, const char* types, int interface, Arguments... arguments)
{
    auto answer = bus.call(of_manager(method), named(method), types, interface, arguments...);
    return answer ? sdk::Result<void>() : std::move(answer).error();
}

sdk::Result<void> set_server(BusClient& bus, int interface, const sdk::NameServer& server)
{
    constexpr const char* method = "SetLinkDNSEx";
    auto question = bus.question(of_manager(method));
    if (!question)
        return std::move(question).error();
    sd_bus_message* raw = question->get();
    const auto address = wire_address(server.address);
    int made = 0;
    const auto add = [&](auto step) {
        if (made >= 0)
            made = step();
    };
    // ia(iayqs): the last two are port and, for DNS over TLS, name.
    add([&] { return sd_bus_message_append(raw, "i", interface); });
    add([&] { return sd_bus_message_open_container(raw, 'a', "(iayqs)"); });
    add([&] { return sd_bus_message_open_container(raw, 'r', "iayqs"); });
    add([&] { return sd_bus_message_append(raw, "i", address.family); });
    add([&] { return sd_bus_message_append_array(raw, 'y', address.bytes.data(), address.size()); });
    add([&] { return sd_bus_message_append(raw, "qs", server.port, ""); });
    add([&] { return sd_bus_message_close_container(raw); });
    add([&] { return sd_bus_message_close_container(raw); });
    if (made < 0)
        return BusClient::failure(named(method), made);
    auto answer = bus.ask(*question, named(method));
    return answer ? sdk::Result<void>() : std::move(answer).error();
}

/// A property of an interface's object, entered.
sdk::Result<BusMessage> link_property(BusClient& bus, int interface, const char* property, const char* type)
{
    auto link = bus.call(of_manager("GetLink"), named("GetLink"), "i", interface);
    if (!link)
        return link;
    const char* path = nullptr;
    if (const int read = sd_bus_message_read(link->get(), "o", &path); read < 0)
        return BusClient::failure(named("GetLink"), read);
    auto value = bus.call({service, path, "org.freedesktop.DBus.Properties", "Get"}, named(property), "ss", link_interface,
                          property);
    if (!value)
        return value;
    if (const int entered = sd_bus_message_enter_container(value->get(), 'v', type); entered < 0)
        return BusClient::failure(named(property), entered);
    return value;
}

sdk::Result<std::vector<sdk::NameServer>> servers_of(BusClient& bus, int interface)
{
    auto value = link_property(bus, interface, "DNSEx", "a(iayqs)");
    if (!value)
        return std::move(value).error();
    std::vector<sdk::NameServer> servers;
    sd_bus_message* message = value->get();
    int more = sd_bus_message_enter_container(message, 'a', "(iayqs)");
    while (more >= 0 && (more = sd_bus_message_enter_container(message, 'r', "iayqs")) > 0) {
        int family = 0;
        const void* bytes = nullptr;
        std::size_t size = 0;
        std::uint16_t port = 0;
        const char* name = nullptr;
        if ((more = sd_bus_message_read(message, "i", &family)) < 0 ||
            (more = sd_bus_message_read_array(message, 'y', &bytes, &size)) < 0 ||
            (more = sd_bus_message_read(message, "qs", &port, &name)) < 0)
            break;
        std::array<char, INET6_ADDRSTRLEN> text{};
        const std::size_t wanted = family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
        if (size == wanted && ::inet_ntop(family, bytes, text.data(), text.size()) != nullptr)
            servers.push_back({text.data(), port == 0 ? usual_port : port, {}});
        more = sd_bus_message_exit_container(message);
    }
    if (more < 0)
        return BusClient::failure("read systemd-resolved's servers", more);
    return servers;
}

sdk::Result<std::vector<std::string>> domains_of(BusClient& bus, int interface)
{
    auto value = link_property(bus, interface, "Domains", "a(sb)");
    if (!value)
        return std::move(value).error();
    std::vector<std::string> domains;
    int more = sd_bus_message_enter_container(value->get(), 'a', "(sb)");
    const char* domain = nullptr;
    int route_only = 0;
    while (more >= 0 && (more = sd_bus_message_read(value->get(), "(sb)", &domain, &route_only)) > 0)
        domains.emplace_back(domain);
    if (more < 0)
        return BusClient::failure("read systemd-resolved's domains", more);
    return domains;
}

}  // namespace

sdk::Result<Resolved::Bus> Resolved::connect()
{
    sd_bus* opened = nullptr;
    if (const int error = sd_bus_open_system(&opened); error < 0)
        return BusClient::failure("reach the system's bus", error);
    return Bus(opened);
}

sdk::Result<bool> Resolved::runs()
{
    const std::string what = "look for systemd-resolved";
    auto answer = bus_.call({"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner"}, what,
                            "s", service);
    if (!answer)
        return std::move(answer).error();
    int has_owner = 0;
    if (const int read = sd_bus_message_read(answer->get(), "b", &has_owner); read < 0)
        return BusClient::failure(what, read);
    return has_owner != 0;
}

sdk::Result<void> Resolved::route(int interface, const sdk::NameServer& server)
{
    // Before the server: an interface that has one and no domain is asked for everything (systemd-resolved.service(8)).
    if (auto told = tell(bus_, "SetLinkDomains", "ia(sb)", interface, 1, server.zone.c_str(), 1); !told)
        return told;
    if (auto told = tell(bus_, "SetLinkDefaultRoute", "ib", interface, 0); !told)
        return told;
    // Nobody signs the zone, and nobody else hears what is asked.
    for (const char* method : {"SetLinkDNSSEC", "SetLinkDNSOverTLS"})
        if (auto told = tell(bus_, method, "is", interface, "no"); !told)
            return told;
    return set_server(bus_, interface, server);
}

sdk::Result<void> Resolved::revert(int interface)
{
    return tell(bus_, "RevertLink", "i", interface);
}

sdk::Result<std::vector<sdk::NameServer>> Resolved::routed(int interface)
{
    auto servers = servers_of(bus_, interface);
    auto domains = servers ? domains_of(bus_, interface) : servers.error();
    if (!domains)
        return std::move(domains).error();
    servers->resize(std::min(servers->size(), domains->size()));
    for (std::size_t i = 0; i < servers->size(); ++i)
        (*servers)[i].zone = (*domains)[i];
    return servers;
}

}  // namespace banger::tap
