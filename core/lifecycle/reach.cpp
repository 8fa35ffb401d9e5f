// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/reach.hpp"

#include <algorithm>

#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/name_route.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {
namespace {

/// What a network offers whose guests the host reaches at their addresses.
constexpr const char* reached_by_address = "reach:address";

std::string guests_address(Engine& engine, const model::VmRecord& vm)
{
    std::string address;
    for (const auto& entry : engine.journals.read(engine.owner_of(vm.id)).entries)
        if (const auto bound = entry.handle.bound.find("address");
            entry.handle.kind == plugins::kind_of<sdk::Network> && bound != entry.handle.bound.end())
            address = bound->second;
    return address;
}

sdk::Result<bool> host_reaches_guests(Engine& engine, const model::VmRecord& vm, sdk::Call& call)
{
    auto probe = engine.registry.probe(std::string(plugins::kind_of<sdk::Network>), vm.network, call);
    if (!probe)
        return std::move(probe).error().while_doing("see whether this host reaches vm '" + vm.name + "' at its address");
    return std::find(probe->offers.begin(), probe->offers.end(), reached_by_address) != probe->offers.end();
}

sdk::Result<void> publish_name(Engine& engine, const model::VmRecord& vm, const Reach& reach, sdk::Call& call)
{
    if (engine.registry.names(plugins::kind_of<sdk::Dns>).empty())
        return {};
    auto names = name_service(engine, call);
    auto published = names ? names->dns->publish({vm.name + "." + names->facts.at("zone"), {reach.address}})
                           : sdk::Result<void>(std::move(names).error());
    if (published && reach.is_guests)
        published = route_names(engine, vm.network, names->facts, call);
    return published ? published : std::move(published).error().while_doing("publish the name of vm '" + vm.name + "'");
}

sdk::Result<void> open(Engine& engine, const model::VmRecord& vm, Reach reach, sdk::Call& call)
{
    if (!reach.is_guests) {
        auto address = engine.addresses.claim(vm.id);
        if (!address)
            return std::move(address).error().while_doing("give vm '" + vm.name + "' an address on this host");
        reach.address = std::move(*address);
        if (vm.publish == model::Publish::automatic && engine.publish_ports)
            engine.publish_ports(vm.id, reach.address);
    }
    return publish_name(engine, vm, reach, call);
}

}  // namespace

sdk::Result<Reach> reach_of(Engine& engine, const model::VmRecord& vm, sdk::Call& call)
{
    if (const std::string own = guests_address(engine, vm); !own.empty()) {
        auto reached = host_reaches_guests(engine, vm, call);
        if (!reached)
            return std::move(reached).error();
        if (*reached)
            return Reach{own, true};
    }
    return Reach{engine.addresses.address_of(vm.id).value_or(""), false};
}

sdk::Result<NameService> name_service(Engine& engine, sdk::Call& call)
{
    const std::string kind(plugins::kind_of<sdk::Dns>);
    auto choice = engine.registry.choose(kind, "auto", call);
    if (!choice)
        return std::move(choice).error();
    if (!choice->probe.facts.contains("zone"))
        return sdk::make_error(sdk::Code::plugin, "the dns provider " + choice->name + " does not name its zone");
    auto dns = engine.registry.get<sdk::Dns>(choice->name, &call);
    if (!dns)
        return std::move(dns).error();
    return NameService{std::move(*dns), std::move(choice->probe.facts)};
}

std::string full_name(Engine& engine, const model::VmRecord& vm, sdk::Call& call)
{
    const auto names = name_service(engine, call);
    return names ? vm.name + "." + names->facts.at("zone") : std::string();
}

void learn_reach(Engine& engine, const model::VmRecord& vm, sdk::Call& call)
{
    const auto reach = reach_of(engine, vm, call);
    if (engine.registry.names(plugins::kind_of<sdk::Dns>).empty())
        return;
    const auto names = name_service(engine, call);
    if (reach && reach->is_guests && names)
        (void)route_names(engine, vm.network, names->facts, call);
}

sdk::Result<void> open_reach(Engine& engine, const model::VmRecord& vm, sdk::Call& call)
{
    auto reach = reach_of(engine, vm, call);
    auto opened = reach ? open(engine, vm, std::move(*reach), call) : sdk::Result<void>(std::move(reach).error());
    if (!opened && engine.open_reach_later)
        engine.open_reach_later(vm.id);
    return opened;
}

sdk::Result<void> open_reach_again(Engine& engine, const std::string& id, Operation& operation)
{
    const auto or_gone = [](sdk::Error error) {
        return error.code == sdk::Code::not_found ? sdk::Result<void>() : sdk::Result<void>(std::move(error));
    };
    auto found = engine.store.find_id(id);
    if (!found)
        return or_gone(std::move(found).error());
    auto locked = lock_found(engine, *found, "given its name", operation, std::chrono::milliseconds(0));
    if (!locked)
        return or_gone(std::move(locked).error());
    const model::VmRecord& vm = locked->record;
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive || vm.desired != model::Desired::running)
        return {};
    auto reach = reach_of(engine, vm, operation);
    if (!reach)
        return std::move(reach).error();
    // Ports that were published once are not begun anew, which would cut connections.
    return reach->address.empty() ? open(engine, vm, std::move(*reach), operation)
                                  : publish_name(engine, vm, *reach, operation);
}

void close_reach(Engine& engine, const model::VmRecord& vm, sdk::Call& call)
{
    if (engine.withdraw_ports)
        engine.withdraw_ports(vm.id);
    if (!engine.registry.names(plugins::kind_of<sdk::Dns>).empty())
        if (auto names = name_service(engine, call))
            (void)names->dns->withdraw(vm.name + "." + names->facts.at("zone"));
    engine.addresses.release(vm.id);
}

}  // namespace banger::lifecycle
