// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/check.hpp"
#include "core/lifecycle/teardown.hpp"

namespace banger::doctor {
namespace {

std::string what_to_do(lifecycle::Engine& engine, const model::VmRecord& vm)
{
    if (engine.in_teardown.has(vm.id))
        return "`banger audit` waits for it, and says what is left";
    const bool goes = vm.desired == model::Desired::deleted || vm.desired == model::Desired::creating;
    return std::string("`banger vm ") + (goes ? "delete " : "stop ") + vm.name + "` tries again, and says what keeps it";
}

}  // namespace

std::vector<Finding> check_teardowns(lifecycle::Engine& engine, lifecycle::Operation&)
{
    const auto records = engine.store.list_all();
    if (!records)
        return {};  // the check of the database says so
    std::vector<Finding> findings;
    for (const auto& vm : *records)
        if (const auto left = lifecycle::left_of(engine, vm))
            findings.push_back({"teardown", Status::warning, *left, what_to_do(engine, vm)});
    if (findings.empty())
        findings.push_back({"teardown", Status::ok, "nothing is left of what was stopped or deleted", {}});
    return findings;
}

}  // namespace banger::doctor
