// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/control_group.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"

namespace banger::base {
namespace {

constexpr std::size_t longest_file = 65536;

// Of "9:name=systemd:/a:b", of which only what is before the second colon is the kernel's own: anybody may name a group who has
// one to make others in.
struct Line {
    std::string_view hierarchy;
    std::string_view controllers;
    std::string_view group;
};

Line read(std::string_view line)
{
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos)
        return {};
    return {line.substr(0, first), line.substr(first + 1, second - first - 1), line.substr(second + 1)};
}

// Where logind puts what a user starts, his own manager among it.
std::string users_slice(uid_t user)
{
    return "/user.slice/user-" + std::to_string(user) + ".slice/";
}

}  // namespace

std::string group_in(std::string_view cgroup_file)
{
    std::string group;
    while (!cgroup_file.empty()) {
        const auto text = cgroup_file.substr(0, cgroup_file.find('\n'));
        cgroup_file.remove_prefix(std::min(text.size() + 1, cgroup_file.size()));
        const auto line = read(text);
        // Beside version 1 there may be both, and version 2's says nothing then.
        if (line.controllers == "name=systemd")
            return std::string(line.group);
        if (line.hierarchy == "0" && line.controllers.empty())
            group = line.group;
    }
    return group;
}

sdk::Result<std::string> group_of(pid_t pid)
{
    auto text = sdk::os::read_file("/proc/" + std::to_string(pid) + "/cgroup", longest_file);
    return text ? sdk::Result<std::string>(group_in(*text)) : std::move(text).error();
}

std::optional<std::string> service_in(std::string_view group)
{
    while (!group.empty()) {
        const auto slash = group.rfind('/');
        const auto part = group.substr(slash == std::string_view::npos ? 0 : slash + 1);
        if (part.ends_with(".service") && !part.starts_with("user@"))
            return std::string(part);
        group = slash == std::string_view::npos ? std::string_view() : group.substr(0, slash);
    }
    return std::nullopt;
}

bool is_of_users_manager(std::string_view group, uid_t user)
{
    return group.starts_with(users_slice(user) + "user@" + std::to_string(user) + ".service/");
}

bool is_of_users_session(std::string_view group, uid_t user)
{
    return group.starts_with(users_slice(user)) && !is_of_users_manager(group, user);
}

}  // namespace banger::base
