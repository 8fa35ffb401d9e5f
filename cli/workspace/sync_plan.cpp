// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/sync_plan.hpp"

#include <algorithm>

namespace banger::workspace {
namespace {

void plan_one(SyncPlan& plan, const tree::Stamps& agreed, const std::string& name, bool goes, const LookUp& look_up)
{
    const auto now = look_up(name);
    const auto before = agreed.find(name);
    if (before == agreed.end()) {
        if (now && goes)
            plan.send.push_back(name);
    } else if (!now) {
        plan.remove.push_back(name);
    } else if (!goes) {
        plan.forget.push_back(name);
    } else if (now->changed_ns == 0 || !(*now == before->second)) {
        plan.send.push_back(name);
    }
}

}  // namespace

SyncPlan plan_all(const tree::Stamps& agreed, const std::set<std::string>& names, const LookUp& look_up)
{
    SyncPlan plan;
    for (const auto& [name, stamp] : agreed)
        if (names.count(name) == 0)
            plan_one(plan, agreed, name, false, look_up);
    for (const auto& name : names)
        plan_one(plan, agreed, name, true, look_up);
    return plan;
}

SyncPlan plan_some(const tree::Stamps& agreed, const std::set<std::string>& names, const std::set<std::string>& goes,
                   const LookUp& look_up)
{
    std::set<std::string> touched = names;
    for (const auto& name : names)
        for (auto at = agreed.lower_bound(name + "/"); at != agreed.end() && at->first.starts_with(name + "/"); ++at)
            touched.insert(at->first);
    SyncPlan plan;
    for (const auto& name : touched)
        plan_one(plan, agreed, name, agreed.count(name) != 0 || goes.count(name) != 0, look_up);
    return plan;
}

std::vector<std::string> emptied_directories(const std::vector<std::string>& removed,
                                             const std::function<bool(const std::string&)>& is_directory)
{
    std::set<std::string, std::greater<>> gone;  // a directory sorts behind what is above it
    for (const auto& name : removed)
        for (auto slash = name.rfind('/'); slash != std::string::npos; slash = name.rfind('/', slash - 1)) {
            const std::string above = name.substr(0, slash);
            if (gone.count(above) != 0 || is_directory(above))
                break;
            gone.insert(above);
        }
    return {gone.begin(), gone.end()};
}

}  // namespace banger::workspace
