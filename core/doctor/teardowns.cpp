// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/check.hpp"
#include "core/lifecycle/teardown.hpp"

namespace banger::doctor {

std::vector<Finding> check_teardowns(lifecycle::Engine& engine, lifecycle::Operation&)
{
    const auto records = engine.store.list();
    if (!records)
        return {};  // the check of the database says so
    std::vector<Finding> findings;
    for (const auto& vm : *records) {
        const auto left = engine.vm_locks.holder(vm.id) ? std::nullopt : lifecycle::unfinished(engine, vm);
        if (!left)
            continue;
        const bool stopped = vm.desired == model::Desired::stopped || vm.desired == model::Desired::running;
        findings.push_back({"teardown", Status::warning, *left,
                            std::string("`banger vm ") + (stopped ? "stop " : "delete ") + vm.name +
                                "` tries again, and says what keeps it"});
    }
    if (findings.empty())
        findings.push_back({"teardown", Status::ok, "nothing is left of what was stopped or deleted", {}});
    return findings;
}

}  // namespace banger::doctor
