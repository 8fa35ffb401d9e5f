// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/provision.hpp"

#include <vector>

#include "core/lifecycle/guest_access.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::chrono::minutes patience_for_first_sync{2};

sdk::Result<void> gather_one(Engine& engine, const model::VmRecord& vm, const std::string& name, Gathered& all,
                             Operation& operation)
{
    auto provisioner = engine.registry.get<sdk::Provisioner>(name);
    if (!provisioner)
        return std::move(provisioner).error();
    auto probe = engine.registry.probe(std::string(plugins::kind_of<sdk::Provisioner>), name, operation);
    if (!probe)
        return std::move(probe).error();
    if (!probe->usable) {
        operation.warn("provisioner '" + name + "' is left out: " + probe->reason);
        return {};
    }
    auto gathered = (*provisioner)->gather({engine.owner_of(vm.id), vm.name, {}}, operation);
    if (!gathered)
        return std::move(gathered).error();
    all.emplace_back(name, std::move(*gathered));
    return {};
}

sdk::Result<void> apply(Engine& engine, const model::VmRecord& vm, const Gathered::value_type& gathered, AgentAccess& guest,
                        Operation& operation)
{
    const auto& [name, of_host] = gathered;
    const auto span = operation.span("provision: " + name);
    operation.stage("provision: " + name);
    auto provisioner = engine.registry.get<sdk::Provisioner>(name);
    return provisioner ? (*provisioner)->apply({engine.owner_of(vm.id), vm.name, of_host}, guest, operation)
                       : std::move(provisioner).error();
}

}  // namespace

std::vector<std::string> provisioners(const Engine& engine)
{
    const auto kind = plugins::kind_of<sdk::Provisioner>;
    auto names = engine.registry.names(kind);
    const auto erase = [&](const char* name) { std::erase(names, name); };
    erase("file-sync");
    if (!engine.config.file_sync.empty())
        names.emplace_back("file-sync");
    if (!engine.config.vm_defaults.git_identity.value)
        erase("git-identity");
    return plugins::auto_order(kind, std::move(names));
}

sdk::Result<void> find_provisioners(Engine& engine)
{
    for (const auto& name : provisioners(engine))
        if (auto found = engine.registry.get<sdk::Provisioner>(name); !found)
            return std::move(found).error();
    return {};
}

sdk::Result<Gathered> gather(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    Gathered all;
    for (const auto& name : provisioners(engine))
        if (auto gathered = gather_one(engine, vm, name, all, operation); !gathered)
            return std::move(gathered).error().while_doing("provision: " + name);
    return all;
}

sdk::Result<void> provision(Engine& engine, const model::VmRecord& vm, const Gathered& gathered, Operation& operation)
{
    auto agent = agent_of(engine, vm, operation);
    if (!agent)
        return std::move(agent).error();
    AgentAccess guest(*agent, operation);
    for (const auto& one : gathered)
        if (auto applied = apply(engine, vm, one, guest, operation); !applied)
            return std::move(applied).error().while_doing("provision: " + one.first);
    if (!guest.used() || vm.removal != model::Removal::never)
        return operation.check();
    // The record says so for good: a guest that is killed next must have it on its disk.
    const auto span = operation.span("sync");
    return (*agent)->sync(guest::Patience::of(patience_for_first_sync, operation.token()));
}

}  // namespace banger::lifecycle
