// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_links.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "jail.hpp"

namespace banger::firecracker {
namespace {

bool is_link(const std::string& path)
{
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
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
DiskMove::DiskMove(const std::string& directory, bool jailed, sdk::Disk to)
    : to_(std::move(to)),
      jailed_(jailed),
      link_(directory + "/" + link_name(to_.role)),
      before_(directory + "/" + link_name(to_.role + ".before")),
      next_(directory + "/" + link_name(to_.role + ".next"))
{
}

DiskMove::DiskMove(const std::string& vm_directory, sdk::Disk to)
    : DiskMove(has_jail(vm_directory) ? jail_directory(vm_directory) : vm_directory, has_jail(vm_directory), std::move(to))
{
}

sdk::Result<void> DiskMove::settle(pid_t pid) const
{
    if (!sdk::os::exists(link_))
        return sdk::make_error(sdk::Code::not_found, "the machine has no disk '" + to_.role + "'");
    if (!sdk::os::exists(before_))
        return {};
    // The link that a jail began with leads nowhere here.
    auto moved = sdk::os::has_open(pid, link_);
    if (!moved)
        return std::move(moved).error();
    return *moved ? done() : undo();
}

sdk::Result<bool> DiskMove::is_done(pid_t pid) const
{
    return sdk::os::is_same_file(link_, to_.path) ? sdk::os::has_open(pid, to_.path) : sdk::Result<bool>(false);
}

// At no time is there none of that name.
sdk::Result<void> DiskMove::begin() const
{
    if (jailed_ && to_.read_only)
        return sdk::make_error(sdk::Code::unsupported, "a machine in a jail is given no read-only disk later");
    if (auto removed = sdk::os::remove_file(next_); !removed)
        return removed;
    if (::link(link_.c_str(), before_.c_str()) != 0)
        return sdk::os_error("remember the disk behind " + link_);
    if (jailed_) {
        if (auto handed = hand_in(to_.path, next_); !handed)
            return handed;
    } else if (::symlink(to_.path.c_str(), next_.c_str()) != 0) {
        return sdk::os_error("link " + next_ + " to disk " + to_.path);
    }
    if (::rename(next_.c_str(), link_.c_str()) != 0)
        return sdk::os_error("lead " + link_ + " to disk " + to_.path);
    return {};
}

sdk::Result<void> DiskMove::done() const
{
    return sdk::os::remove_file(before_);
}

sdk::Result<void> DiskMove::undo() const
{
    if (!sdk::os::exists(before_))
        return {};
    if (::rename(before_.c_str(), link_.c_str()) != 0)
        return sdk::os_error("give disk '" + to_.role + "' its link back");
    // Two names of one file stay as they are (rename(2)).
    return sdk::os::remove_file(before_);
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
