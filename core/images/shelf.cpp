// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/shelf.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "core/base/ids.hpp"
#include "core/images/recipe_identity.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Result;

constexpr std::string_view unfinished = ".new-";
constexpr std::string_view leaving = ".old-";
constexpr int attempts = 16;  // each loses only to a sweep at that very moment
constexpr std::uint64_t stat_block_bytes = 512;

std::string random_suffix()
{
    return base::random_hex(12);
}

// The directory, locked; nothing if somebody else has the lock, or it is another directory by now.
std::optional<os::UniqueFd> lock_directory(const std::string& path)
{
    os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        return std::nullopt;
    struct stat opened {};
    struct stat named {};
    if (::fstat(fd.get(), &opened) != 0 || ::lstat(path.c_str(), &named) != 0 || opened.st_ino != named.st_ino)
        return std::nullopt;
    return fd;
}

}  // namespace

Result<void> Staging::discard()
{
    if (path_.empty())
        return {};
    auto removed = os::remove_tree(path_);
    path_.clear();
    lock_.reset();
    return removed;
}

bool Shelf::holds(const std::string& id) const
{
    return os::exists(path(id));
}

Result<std::vector<std::string>> Shelf::ids() const
{
    auto names = os::list_directory(directory_);
    if (!names && names.error().code == sdk::Code::not_found)
        return std::vector<std::string>();
    if (names)
        std::erase_if(*names, [](const std::string& name) { return !is_recipe_id(name); });
    return names;
}

Result<Staging> Shelf::stage(const std::string& id) const
{
    if (auto made = os::make_private_directory(directory_); !made)
        return std::move(made).error();
    for (int attempt = 0; attempt < attempts; ++attempt) {
        const std::string path = directory_ + "/" + std::string(unfinished) + id + "-" + random_suffix();
        if (::mkdir(path.c_str(), 0700) != 0)
            return sdk::os_error("make directory " + path);
        if (auto lock = lock_directory(path))
            return Staging(path, std::move(*lock));
    }
    return sdk::make_error(sdk::Code::busy, "another program removes what is made in " + directory_);
}

Result<void> Shelf::publish(Staging staging, const std::string& id) const
{
    if (auto synced = os::sync_directory(staging.path()); !synced)
        return synced;
    // A directory that holds something is never replaced by rename(2), so the first one wins.
    if (::rename(staging.path().c_str(), path(id).c_str()) != 0) {
        if (errno != EEXIST && errno != ENOTEMPTY)
            return sdk::os_error("publish " + path(id));
        return staging.discard();
    }
    staging.path_.clear();
    return os::sync_directory(directory_);
}

Result<std::uint64_t> Shelf::remove(const std::string& id) const
{
    const std::string leaver = directory_ + "/" + std::string(leaving) + id + "-" + random_suffix();
    // Locked before it gets the name that sweep looks for.
    const os::UniqueFd fd(::open(path(id).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 || ::rename(path(id).c_str(), leaver.c_str()) != 0)
        return sdk::os_error("remove " + path(id));
    const std::uint64_t bytes = allocated_bytes(leaver);
    if (auto synced = os::sync_directory(directory_); !synced)
        return std::move(synced).error();
    if (auto removed = os::remove_tree(leaver); !removed)
        return std::move(removed).error();
    return bytes;
}

std::vector<std::string> Shelf::abandoned() const
{
    std::vector<std::string> paths;
    const auto names = os::list_directory(directory_);
    if (!names)
        return paths;
    for (const std::string& name : *names) {
        const std::string path = directory_ + "/" + name;
        if ((name.starts_with(unfinished) || name.starts_with(leaving)) && lock_directory(path))
            paths.push_back(path);
    }
    return paths;
}

void Shelf::sweep() const
{
    for (const std::string& path : abandoned())
        if (const auto lock = lock_directory(path))
            (void)os::remove_tree(path);  // what does not go is tried again by the next sweep
}

std::uint64_t allocated_bytes(const std::string& path)
{
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
        return 0;
    std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * stat_block_bytes;
    if (S_ISDIR(status.st_mode))
        if (const auto names = os::list_directory(path))
            for (const std::string& name : *names)
                bytes += allocated_bytes(path + "/" + name);
    return bytes;
}

}  // namespace banger::images
