// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/init/switch_root.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string_view>

#include "guest/agent/disks.hpp"

namespace banger::agent {
namespace {

/// Removes everything in a directory that is on file system `device`, never what is mounted below.
void remove_content(int directory_fd, dev_t device)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(fdopendir(directory_fd), &closedir);
    while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        struct stat facts {};
        if (name == "." || name == ".." ||
            fstatat(dirfd(directory.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || facts.st_dev != device)
            continue;
        if (!S_ISDIR(facts.st_mode)) {
            unlinkat(dirfd(directory.get()), entry->d_name, 0);
            continue;
        }
        const int inner =
            openat(dirfd(directory.get()), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0)
            remove_content(inner, device);
        unlinkat(dirfd(directory.get()), entry->d_name, AT_REMOVEDIR);
    }
}

}  // namespace

sdk::Result<void> switch_root()
{
    // The new root has mounts of its own for these.
    for (const char* target : {"/dev", "/sys", "/proc"})
        umount2(target, MNT_DETACH);
    struct stat old_root {};
    if (stat("/", &old_root) != 0)
        return sdk::os_error("look at the initramfs");
    const int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (chdir(new_root) != 0 || mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 || chroot(".") != 0 || chdir("/") != 0)
        return sdk::os_error("switch to the guest's root");
    if (old >= 0)
        remove_content(old, old_root.st_dev);
    return {};
}

}  // namespace banger::agent
