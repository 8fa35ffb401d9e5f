// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/jail_room.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"
#include "core/privd/user_path.hpp"

// Of linux/mount.h, which cannot be included beside sys/mount.h.
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif

namespace banger::privd {
namespace {

using sdk::os_error;
using sdk::Result;
using sdk::os::UniqueFd;

constexpr const char* room = "/run/banger-jail";  // on the host an empty directory for ever
constexpr mode_t public_directory = 0755;

struct Found {
    UniqueFd tree;  ///< a mount of it that is nowhere yet (open_tree(2))
    struct stat status {};
};

// As the user, so that he gets nothing that he could not open; and the mount is made of what was opened.
Result<Found> find(const std::string& path, const FileRights& rights)
{
    if (::setgroups(rights.groups.size(), rights.groups.data()) != 0)
        return os_error("take the groups of the user");
    (void)::setfsgid(rights.group);
    (void)::setfsuid(rights.user);
    auto file = open_named(path);
    (void)::setfsuid(::geteuid());
    (void)::setfsgid(::getegid());
    if (!file)
        return std::move(file).error();
    Found found;
    if (::fstat(file->get(), &found.status) != 0)
        return os_error("look at " + path);
    found.tree.reset(static_cast<int>(
        ::syscall(SYS_open_tree, file->get(), "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH)));
    if (!found.tree)
        return os_error("mount " + path);
    return found;
}

Result<void> make_place(const std::string& place, bool directory)
{
    const std::string parent = directory ? place : place.substr(0, place.rfind('/'));
    if (auto made = sdk::os::make_directories(parent, public_directory); !made || directory)
        return made;
    auto file = sdk::os::open_file(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    return file ? Result<void>() : std::move(file).error();
}

Result<void> put(const sdk::JailedFile& file, const Found& found)
{
    const std::string place = room + file.inside;
    if (auto made = make_place(place, S_ISDIR(found.status.st_mode)); !made)
        return made;
    if (::syscall(SYS_move_mount, found.tree.get(), "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return os_error("mount " + file.source);
    const bool device = S_ISCHR(found.status.st_mode) || S_ISBLK(found.status.st_mode);
    unsigned long flags = MS_NOSUID | MS_REMOUNT | MS_BIND;
    flags |= device ? MS_NOEXEC : MS_NODEV;
    if (!file.writable)
        flags |= MS_RDONLY;
    if (::mount(nullptr, place.c_str(), nullptr, flags, nullptr) != 0)
        return os_error("close the mount of " + file.source);
    return {};
}

// pivot_root(2), "pivot_root(".", ".")": the old root lies over the new one until it is unmounted.
Result<void> move_in()
{
    if (::chdir(room) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 || ::umount2(".", MNT_DETACH) != 0 ||
        ::chdir("/") != 0)
        return os_error("leave the host's root directory");
    if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, nullptr) != 0)
        return os_error("close the root directory");
    return {};
}

}  // namespace

Result<std::set<gid_t>> enter_room(const std::vector<sdk::JailedFile>& files, const FileRights& rights)
{
    if (::mkdir(room, 0700) != 0 && errno != EEXIST)
        return os_error("make directory " + std::string(room));
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return os_error("make a mount namespace");
    if (::mount("banger-jail", room, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=64k") != 0)
        return os_error("make a root directory");
    std::set<gid_t> needed;
    for (const auto& file : files) {
        auto found = find(file.source, rights);
        if (!found)
            return std::move(found).error();
        if (auto placed = put(file, *found); !placed)
            return std::move(placed).error();
        const gid_t group = found->status.st_gid;
        const auto& his = rights.groups;
        if (!S_ISDIR(found->status.st_mode) && !S_ISREG(found->status.st_mode) &&
            std::find(his.begin(), his.end(), group) != his.end())
            needed.insert(group);
    }
    if (auto moved = move_in(); !moved)
        return std::move(moved).error();
    return needed;
}

}  // namespace banger::privd
