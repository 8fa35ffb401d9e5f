// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_links.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::firecracker {
namespace {

bool is_link(const std::string& path)
{
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

sdk::Result<std::string> target_of(const std::string& link)
{
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    if (length < 0)
        return sdk::os_error("read the link " + link);
    return std::string(target.data(), static_cast<std::size_t>(length));
}

// At no time is there none of that name.
sdk::Result<void> link_over(const std::string& target, const std::string& next, const std::string& link)
{
    if (auto removed = sdk::os::remove_file(next); !removed)
        return removed;
    if (::symlink(target.c_str(), next.c_str()) != 0 || ::rename(next.c_str(), link.c_str()) != 0)
        return sdk::os_error("link " + link + " to disk " + target);
    return {};
}

}  // namespace

sdk::Result<void> link_disks(const std::string& directory, const std::vector<sdk::Disk>& disks)
{
    for (const auto& disk : disks) {
        const std::string path = directory + "/" + link_name(disk.role);
        if (is_link(path))
            if (auto removed = sdk::os::remove_file(path); !removed)
                return removed;
        if (::symlink(disk.path.c_str(), path.c_str()) != 0)
            return sdk::os_error("link " + path + " to disk " + disk.path);
    }
    return {};
}

// None of these names is a role's: roles have no dots.
DiskMove::DiskMove(const std::string& directory, sdk::Disk to)
    : to_(std::move(to)),
      link_(directory + "/" + link_name(to_.role)),
      before_(directory + "/" + link_name(to_.role + ".before")),
      next_(directory + "/" + link_name(to_.role + ".next"))
{
}

sdk::Result<void> DiskMove::settle(pid_t pid) const
{
    if (!is_link(link_))
        return sdk::make_error(sdk::Code::not_found, "the machine has no disk '" + to_.role + "'");
    if (!is_link(before_))
        return {};
    auto moved = sdk::os::has_open(pid, link_);
    if (!moved)
        return std::move(moved).error();
    return *moved ? done() : undo();
}

sdk::Result<void> DiskMove::begin() const
{
    auto old = target_of(link_);
    if (!old)
        return std::move(old).error();
    if (auto kept = link_over(*old, next_, before_); !kept)
        return kept;
    return link_over(to_.path, next_, link_);
}

sdk::Result<void> DiskMove::done() const
{
    return sdk::os::remove_file(before_);
}

sdk::Result<void> DiskMove::undo() const
{
    if (::rename(before_.c_str(), link_.c_str()) != 0)
        return sdk::os_error("give disk '" + to_.role + "' its link back");
    return {};
}

sdk::Result<void> remove_disk_links(const std::string& directory)
{
    auto names = sdk::os::list_directory(directory);
    if (!names)
        return names.error().code == sdk::Code::not_found ? sdk::Result<void>() : std::move(names).error();
    for (const auto& name : *names) {
        const std::string path = directory + "/" + name;
        if (name.ends_with(link_name("")) && is_link(path))
            if (auto removed = sdk::os::remove_file(path); !removed)
                return removed;
    }
    return {};
}

}  // namespace banger::firecracker
