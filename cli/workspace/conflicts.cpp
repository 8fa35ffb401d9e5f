// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/conflicts.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <string_view>
#include <utility>

#include "cli/workspace/two_way_plan.hpp"

namespace banger::workspace {

std::string name_behind_copy(const std::string& name)
{
    for (std::size_t at = 0; at <= name.size();) {
        const auto slash = std::min(name.find('/', at), name.size());
        if (std::string_view(name).substr(at, slash - at).ends_with(conflict_ending))
            return name.substr(0, slash - std::string_view(conflict_ending).size());
        at = slash + 1;
    }
    return name;
}

void Conflicts::remember(tree::Stamps known)
{
    for (auto& [name, stamp] : known)
        if (may_come(name))
            all_.emplace(name, stamp);
}

void Conflicts::add(const std::string& name, const tree::Stamp& there)
{
    all_[name] = there;
    changed_ = true;
}

void Conflicts::retain(const std::set<std::string>& names)
{
    const auto forgotten = std::erase_if(all_, [&](const auto& known) { return names.count(known.first) == 0; });
    changed_ = changed_ || forgotten != 0;
}

bool Conflicts::is_open(const WorkingTree& here, const std::string& name)
{
    for (std::size_t at = 0; at < name.size();) {
        const auto slash = std::min(name.find('/', at), name.size());
        const std::string copy = name.substr(0, slash) + conflict_ending;
        struct stat status {};
        if (::fstatat(here.directory(), copy.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
            return true;
        at = slash + 1;
    }
    return false;
}

tree::Stamps Conflicts::take_settled(const WorkingTree& here)
{
    tree::Stamps settled;
    for (auto at = all_.begin(); at != all_.end();)
        if (is_open(here, at->first)) {
            ++at;
        } else {
            settled.insert(*at);
            at = all_.erase(at);
        }
    changed_ = changed_ || !settled.empty();
    return settled;
}

bool Conflicts::take_changed()
{
    return std::exchange(changed_, false);
}

}  // namespace banger::workspace
