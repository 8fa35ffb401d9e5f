// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_links.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"

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
