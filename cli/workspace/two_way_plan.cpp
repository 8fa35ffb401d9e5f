// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/two_way_plan.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

namespace banger::workspace {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr mode_t kept = S_IFMT | 0777U;

bool changed_there(const Agreement& agreed, const std::optional<tree::Stamp>& there)
{
    if (agreed.there)
        return !there || !(*there == *agreed.there);
    if (!agreed.here)
        return there.has_value();
    return !there || !is_as_sent(*agreed.here, *there);
}

}  // namespace

bool is_as_sent(const tree::Stamp& here, const tree::Stamp& there)
{
    return (here.mode & kept) == (there.mode & kept) && here.size == there.size &&
           here.modified_ns / second_ns == there.modified_ns / second_ns &&
           (here.modified_ns % second_ns == 0 || there.modified_ns % second_ns == 0);
}

TwoWayPlan plan_two_way(const Agreements& agreed, const std::map<std::string, Sides>& sides)
{
    TwoWayPlan plan;
    for (const auto& [name, now] : sides) {
        const auto found = agreed.find(name);
        const Agreement before = found == agreed.end() ? Agreement{} : found->second;
        const bool here = now.here != before.here;
        const bool there = changed_there(before, now.there);
        if (!now.here && !now.there) {
            if (found != agreed.end())
                plan.forget.push_back(name);
        } else if (here && there) {
            auto& list = !now.here ? plan.receive : !now.there ? plan.send : plan.compare;
            list.push_back(name);
        } else if (here) {
            (now.here ? plan.send : plan.remove_there).push_back(name);
        } else if (there) {
            (now.there ? plan.receive : plan.remove_here).push_back(name);
        }
    }
    return plan;
}

bool may_come(const std::string& name)
{
    if (tree::is_in_git_directory(name) || name.ends_with(conflict_ending))
        return false;
    for (std::size_t at = 0; at <= name.size();) {
        const auto slash = std::min(name.find('/', at), name.size());
        const std::string_view part = std::string_view(name).substr(at, slash - at);
        if (part.empty() || part == "." || part == "..")
            return false;
        at = slash + 1;
    }
    return true;
}

}  // namespace banger::workspace
