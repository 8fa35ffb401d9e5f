// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/two_way_plan.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

#include "cli/workspace/conflicts.hpp"

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

namespace {

/// The outermost directory above a name that is a file's name in `files`; empty if there is none.
std::string file_above(const std::string& name, const std::set<std::string>& files)
{
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
        if (const std::string above = name.substr(0, slash); files.count(above) != 0)
            return above;
    return {};
}

}  // namespace

std::map<std::string, std::vector<std::string>> take_collisions(TwoWayPlan& plan)
{
    const std::set<std::string> sent(plan.send.begin(), plan.send.end());
    const std::set<std::string> received(plan.receive.begin(), plan.receive.end());
    std::set<std::string> roots;
    for (const auto& name : plan.receive)
        roots.insert(file_above(name, sent));
    for (const auto& name : plan.send)
        roots.insert(file_above(name, received));
    roots.erase("");
    std::map<std::string, std::vector<std::string>> collisions;
    if (roots.empty())
        return collisions;
    for (auto* list : {&plan.send, &plan.receive, &plan.remove_there, &plan.remove_here, &plan.compare})
        list->erase(std::remove_if(list->begin(), list->end(),
                                   [&](const std::string& name) {
                                       const std::string root = roots.count(name) != 0 ? name : file_above(name, roots);
                                       if (!root.empty())
                                           collisions[root].push_back(name);
                                       return !root.empty();
                                   }),
                    list->end());
    return collisions;
}

bool may_come(const std::string& name)
{
    if (tree::is_in_git_directory(name) || name_behind_copy(name) != name)
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
