// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/watcher.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <vector>

namespace banger::tree {
namespace {

constexpr std::uint32_t wanted = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |
                                 IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

bool is_gone(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

}  // namespace

sdk::Result<Watcher> Watcher::open(const std::string& root, Passes passes)
{
    sdk::os::UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify)
        return sdk::os_error("watch '" + root + "'");
    Watcher watcher(root, std::move(passes), std::move(inotify));
    if (auto added = watcher.add("", nullptr); !added)
        return std::move(added).error();
    if (watcher.watches_.empty())
        return sdk::os_error("watch '" + root + "'", ENOENT);
    return watcher;
}

sdk::Result<void> Watcher::add(const std::string& directory, Happened* happened)
{
    const int watch = inotify_add_watch(inotify_.get(), path_of(directory).c_str(), wanted);
    if (watch < 0 && is_gone(errno))
        return {};
    if (watch < 0 && errno == ENOSPC)
        return sdk::make_error(sdk::Code::no_space, "there are no more inotify watches for '" + path_of(directory) + "'",
                               "raise their number: sysctl fs.inotify.max_user_watches=1048576");
    if (watch < 0)
        return sdk::os_error("watch '" + path_of(directory) + "'");
    // The same directory under another name: it was renamed, and its events are this name's from now on.
    if (const auto before = names_.find(watch); before != names_.end())
        watches_.erase(before->second);
    names_[watch] = directory;
    watches_[directory] = watch;
    return add_below(directory, happened);
}

/// Watched first and read then: what is made in between is seen at least once.
sdk::Result<void> Watcher::add_below(const std::string& directory, Happened* happened)
{
    std::vector<std::string> below;
    {
        const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(path_of(directory).c_str()), &closedir);
        if (!listing)
            return is_gone(errno) ? sdk::Result<void>() : sdk::os_error("read '" + path_of(directory) + "'");
        while (const dirent* entry = readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe): nobody else has it
            const std::string leaf = entry->d_name;
            if (leaf == "." || leaf == ".." || leaf == ".git")
                continue;
            const std::string name = directory.empty() ? leaf : directory + "/" + leaf;
            struct stat status {};
            const bool known = fstatat(dirfd(listing.get()), leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
            if (known && S_ISDIR(status.st_mode))
                below.push_back(name);
            if (happened != nullptr)
                happened->names.insert(name);
        }
    }
    for (const auto& name : below)
        if (!passes_ || !passes_(name))
            if (auto added = add(name, happened); !added)
                return added;
    return {};
}

void Watcher::forget(const std::string& directory)
{
    for (auto at = watches_.lower_bound(directory); at != watches_.end() && at->first.starts_with(directory);) {
        if (at->first.size() > directory.size() && at->first[directory.size()] != '/') {
            ++at;
            continue;
        }
        inotify_rm_watch(inotify_.get(), at->second);
        names_.erase(at->second);
        at = watches_.erase(at);
    }
}

sdk::Result<void> Watcher::take(Happened& happened)
{
    alignas(inotify_event) std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (;;) {
        const ssize_t got = read(inotify_.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return {};
        if (got < 0)
            return sdk::os_error("read what happened in '" + root_ + "'");
        for (const char* at = buffer.data(); at < buffer.data() + got;) {
            const auto& event = *reinterpret_cast<const inotify_event*>(at);
            at += sizeof event + event.len;
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                happened.everything = true;
                continue;
            }
            const auto found = names_.find(event.wd);
            if (found == names_.end())
                continue;
            if ((event.mask & IN_IGNORED) != 0) {
                watches_.erase(found->second);
                names_.erase(found);
                continue;
            }
            if (event.len == 0)
                continue;  // the directory itself, whose parent says more
            const std::string leaf = &event.name[0];
            if (leaf == ".git")
                continue;
            const std::string name = found->second.empty() ? leaf : found->second + "/" + leaf;
            happened.names.insert(name);
            if ((event.mask & IN_ISDIR) == 0)
                continue;
            if ((event.mask & IN_MOVED_FROM) != 0)
                forget(name);
            if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0 && (!passes_ || !passes_(name)))
                if (auto added = add(name, &happened); !added)
                    return added;
        }
    }
}

}  // namespace banger::tree
