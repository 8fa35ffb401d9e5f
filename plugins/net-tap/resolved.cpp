// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "resolved.hpp"

#include <arpa/inet.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

namespace banger::tap {
namespace {

constexpr std::chrono::microseconds patience = std::chrono::seconds(5);

constexpr const char* service = "org.freedesktop.resolve1";
constexpr const char* manager_path = "/org/freedesktop/resolve1";
constexpr const char* manager = "org.freedesktop.resolve1.Manager";
constexpr const char* link_interface = "org.freedesktop.resolve1.Link";

sdk::Error refused(const std::string& what, int error, const sd_bus_error* said = nullptr)
{
    if (said != nullptr && said->message != nullptr)
        return sdk::make_error(sdk::Code::unavailable, what + ": " + said->message);
    sdk::Error failure = sdk::os_error(what, -error);
    failure.code = sdk::Code::unavailable;
    return failure;
}

class BusError {
public:
    BusError() = default;
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
    ~BusError() { sd_bus_error_free(&error_); }
    sd_bus_error* out() { return &error_; }

private:
    sd_bus_error error_ = SD_BUS_ERROR_NULL;
};

struct Unreference {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, Unreference>;

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
sdk::Result<void> tell(sd_bus* bus, const char* method, const char* types, int interface, Arguments... arguments)
{
    BusError error;
    const int called = sd_bus_call_method(bus, service, manager_path, manager, method, error.out(), nullptr, types, interface,
                                          arguments...);
    if (called < 0)
        return refused(std::string("systemd-resolved's ") + method, called, error.out());
    return {};
}

sdk::Result<void> set_server(sd_bus* bus, int interface, const sdk::NameServer& server)
{
    constexpr const char* method = "SetLinkDNSEx";
    const auto address = wire_address(server.address);
    sd_bus_message* raw = nullptr;
    int made = sd_bus_message_new_method_call(bus, &raw, service, manager_path, manager, method);
    const Message call(raw);
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
    BusError error;
    add([&] { return sd_bus_call(bus, raw, 0, error.out(), nullptr); });
    if (made < 0)
        return refused(std::string("systemd-resolved's ") + method, made, error.out());
    return {};
}

/// A property of an interface's object. None where resolved does not know the interface.
sdk::Result<Message> link_property(sd_bus* bus, int interface, const char* property, const char* type)
{
    BusError error;
    sd_bus_message* raw = nullptr;
    const int found = sd_bus_call_method(bus, service, manager_path, manager, "GetLink", error.out(), &raw, "i", interface);
    const Message link(raw);
    const char* path = nullptr;
    const int read = found < 0 ? found : sd_bus_message_read(raw, "o", &path);
    if (read < 0)
        return refused("systemd-resolved's GetLink", read, error.out());
    sd_bus_message* value = nullptr;
    const int got = sd_bus_get_property(bus, service, path, link_interface, property, error.out(), &value, type);
    Message held(value);
    if (got < 0)
        return refused(std::string("systemd-resolved's ") + property, got, error.out());
    return held;
}

sdk::Result<std::vector<sdk::NameServer>> servers_of(sd_bus* bus, int interface)
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
            servers.push_back({text.data(), port, {}});
        more = sd_bus_message_exit_container(message);
    }
    if (more < 0)
        return refused("read systemd-resolved's servers", more);
    return servers;
}

sdk::Result<std::vector<std::string>> domains_of(sd_bus* bus, int interface)
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
        return refused("read systemd-resolved's domains", more);
    return domains;
}

}  // namespace

void Resolved::Close::operator()(sd_bus* bus) const
{
    sd_bus_close_unref(bus);
}

sdk::Result<Resolved::Bus> Resolved::connect()
{
    sd_bus* opened = nullptr;
    if (const int error = sd_bus_open_system(&opened); error < 0)
        return refused("reach the system's bus", error);
    Bus bus(opened);
    (void)sd_bus_set_method_call_timeout(bus.get(), patience.count());
    return bus;
}

sdk::Result<bool> Resolved::runs()
{
    BusError error;
    sd_bus_message* raw = nullptr;
    const int called = sd_bus_call_method(bus_.get(), "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                          "NameHasOwner", error.out(), &raw, "s", service);
    const Message reply(raw);
    int has_owner = 0;
    const int read = called < 0 ? called : sd_bus_message_read(raw, "b", &has_owner);
    if (read < 0)
        return refused("look for systemd-resolved", read, error.out());
    return has_owner != 0;
}

sdk::Result<void> Resolved::route(int interface, const sdk::NameServer& server)
{
    sd_bus* bus = bus_.get();
    // Before the server: an interface that has one and no domain is asked for everything (systemd-resolved.service(8)).
    if (auto told = tell(bus, "SetLinkDomains", "ia(sb)", interface, 1, server.zone.c_str(), 1); !told)
        return told;
    if (auto told = tell(bus, "SetLinkDefaultRoute", "ib", interface, 0); !told)
        return told;
    // Nobody signs the zone, and nobody else hears what is asked.
    for (const char* method : {"SetLinkDNSSEC", "SetLinkDNSOverTLS"})
        if (auto told = tell(bus, method, "is", interface, "no"); !told)
            return told;
    return set_server(bus, interface, server);
}

sdk::Result<void> Resolved::revert(int interface)
{
    return tell(bus_.get(), "RevertLink", "i", interface);
}

sdk::Result<std::vector<sdk::NameServer>> Resolved::routed(int interface)
{
    auto servers = servers_of(bus_.get(), interface);
    auto domains = servers ? domains_of(bus_.get(), interface) : servers.error();
    if (!domains)
        return std::move(domains).error();
    servers->resize(std::min(servers->size(), domains->size()));
    for (std::size_t i = 0; i < servers->size(); ++i)
        (*servers)[i].zone = (*domains)[i];
    return servers;
}

}  // namespace banger::tap
