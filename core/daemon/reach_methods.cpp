// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/service.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/lifecycle/verbs.hpp"
#include "guest/protocol/address.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using lifecycle::Operation;

constexpr std::chrono::seconds patience_for_listeners{20};

sdk::Result<Answer> dns_status(Service& service, const Exchange&, Operation& operation)
{
    auto names = lifecycle::name_service(service.engine(), operation);
    if (!names)
        return std::move(names).error();
    auto records = names->dns->list();
    if (!records)
        return std::move(records).error();
    Answer answer;
    for (const auto& [fact, value] : names->facts)
        answer.result.set(fact, value);
    json::Array list;
    for (const auto& record : *records) {
        json::Object name;
        name.set("name", record.name).set("addresses", record.addresses);
        list.add(name);
    }
    answer.result.set("names", list);
    return answer;
}

/// A port of a guest, all its listeners together.
struct GuestPort {
    std::vector<std::string> addresses;
    std::int64_t pid = 0;
    std::string process;
    bool beyond_loopback = false;
};

std::map<std::uint16_t, GuestPort> by_port(const std::vector<agent::Listener>& listeners)
{
    std::map<std::uint16_t, GuestPort> ports;
    for (const auto& listener : listeners) {
        auto& port = ports[listener.port];
        port.addresses.push_back(listener.address);
        port.beyond_loopback = port.beyond_loopback || !agent::is_loopback(listener.address);
        if (port.pid == 0) {
            port.pid = listener.pid;
            port.process = listener.process;
        }
    }
    return ports;
}

forward::PublishedPort own_port(std::uint16_t number, const GuestPort& port)
{
    if (port.beyond_loopback)
        return {number, {}};
    return {0, "it listens on the guest's loopback only"};
}

sdk::Result<Answer> vm_ports(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = json::require_string(exchange->params(), "vm", "the request");
    if (!reference)
        return std::move(reference).error();
    auto& engine = service.engine();
    auto vm = engine.store.find(*reference);
    if (!vm)
        return std::move(vm).error();
    if (auto started = lifecycle::check_guest_started(engine, *vm, operation); !started)
        return std::move(started).error();
    auto agent = lifecycle::agent_of(engine, *vm, operation);
    if (!agent)
        return std::move(agent).error();
    auto listeners = (*agent)->listeners(guest::Patience::of(patience_for_listeners, operation.token()));
    if (!listeners)
        return std::move(listeners).error();
    const auto reach = lifecycle::reach_of(engine, *vm, operation);
    if (!reach)
        return reach.error();
    const auto published = service.ports_of ? service.ports_of(vm->id) : forward::GuestPorts::Ports();
    Answer answer;
    answer.result.set("id", vm->id).set("name", vm->name).set("address", reach->address);
    answer.result.set("host_name", lifecycle::full_name(engine, *vm, operation));
    answer.result.set("publish", reach->is_guests ? "address" : model::to_string(vm->publish));
    json::Array ports;
    for (const auto& [number, port] : by_port(*listeners)) {
        const auto known = published.find(number);
        const auto on_host = reach->is_guests            ? own_port(number, port)
                             : known != published.end() ? known->second
                                                        : forward::PublishedPort();
        json::Object object;
        object.set("port", static_cast<std::uint64_t>(number)).set("addresses", port.addresses);
        object.set("process", port.process).set("host_port", static_cast<std::uint64_t>(on_host.host_port));
        object.set("problem", on_host.problem);
        if (port.pid != 0)
            object.set("pid", static_cast<std::uint64_t>(port.pid));
        else
            object.set_null("pid");
        ports.add(object);
    }
    answer.result.set("ports", ports);
    if (service.places) {
        const auto places = service.places->of(vm->id);
        answer.result.set("connections", static_cast<std::uint64_t>(places->taken()));
        answer.result.set("most_connections", static_cast<std::uint64_t>(places->most()));
    }
    return answer;
}

}  // namespace

Methods reach_methods()
{
    return {{"dns.status", dns_status}, {"vm.ports", vm_ports}};
}

}  // namespace banger::daemon
