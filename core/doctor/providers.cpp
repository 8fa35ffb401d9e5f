// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/check.hpp"
#include "core/lifecycle/pick.hpp"
#include "core/lifecycle/provision.hpp"

namespace banger::doctor {
namespace {

std::vector<Finding> check_kind(lifecycle::Engine& engine, std::string_view kind, const std::string& wanted,
                                lifecycle::Operation& operation)
{
    const std::string noun = plugins::noun_of(kind);
    auto choice = engine.registry.choose(std::string(kind), wanted, operation);
    if (!choice)
        return {{noun, Status::failed, choice.error().message, choice.error().hint}};
    std::vector<Finding> findings;
    findings.push_back({noun, Status::ok,
                        choice->name + (choice->automatic ? "" : " (by config)") +
                            (choice->probe.reason.empty() ? "" : ": " + choice->probe.reason),
                        {}});
    for (const auto& rejected : choice->rejected)
        findings.push_back({noun, Status::warning, rejected.name + " cannot be used: " + rejected.reason, rejected.hint});
    return findings;
}

// The providers that a vm gets of which nothing is said. Each kind's first may not go together with the others'.
std::vector<Finding> check_machines(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    const auto egress = sdk::egress_from_string(engine.config.vm_defaults.egress.value).value_or(sdk::Egress::internet);
    auto choice = lifecycle::pick_providers(engine, {}, egress, operation);
    if (!choice)
        return {{"machines", Status::failed, choice.error().message, choice.error().hint}};
    std::vector<Finding> findings{{"machines", Status::ok,
                                   "a new vm gets vmm '" + choice->vmm + "', storage '" + choice->storage +
                                       "' and network '" + choice->network + "'",
                                   {}}};
    if (!choice->passed_over.empty())
        findings.push_back({"machines", Status::warning, choice->passed_over, choice->hint});
    return findings;
}

// All of these run for a new machine; what one of them misses is for a person to know before it is.
std::vector<Finding> check_provisioners(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    const std::string kind(plugins::kind_of<sdk::Provisioner>);
    std::vector<Finding> findings;
    for (const auto& name : lifecycle::provisioners(engine)) {
        auto probe = engine.registry.probe(kind, name, operation);
        if (!probe) {
            findings.push_back({plugins::noun_of(kind), Status::failed, probe.error().message, probe.error().hint});
            continue;
        }
        const auto status = probe->usable && probe->hint.empty() ? Status::ok : Status::warning;
        findings.push_back({plugins::noun_of(kind), status, name + ": " + probe->reason, probe->hint});
    }
    return findings;
}

}  // namespace

// What will be used for each kind, and why not the others.
std::vector<Finding> check_providers(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    const auto& config = engine.config.backends;
    std::vector<Finding> findings;
    for (const auto& [kind, wanted] :
         {std::pair<std::string_view, std::string>{plugins::kind_of<sdk::Vmm>, config.vmm.value},
          {plugins::kind_of<sdk::Storage>, config.storage.value},
          {plugins::kind_of<sdk::Network>, config.network.value},
          {plugins::kind_of<sdk::ImageSource>, "auto"},
          {plugins::kind_of<sdk::KernelSource>, "auto"}})
        for (auto& finding : check_kind(engine, kind, wanted, operation))
            findings.push_back(std::move(finding));
    for (auto& finding : check_machines(engine, operation))
        findings.push_back(std::move(finding));
    for (auto& finding : check_provisioners(engine, operation))
        findings.push_back(std::move(finding));
    return findings;
}

}  // namespace banger::doctor
