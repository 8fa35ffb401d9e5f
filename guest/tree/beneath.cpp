// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "banger/sdk/os/file.hpp"

namespace banger::tree {

using sdk::Code;
using sdk::os::UniqueFd;

sdk::Error odd_name(const std::string& name)
{
    return sdk::make_error(Code::invalid, "the stream has an entry named '" + name + "', which would lead outside");
}

sdk::Result<std::string> clean_name(const std::string& name)
{
    if (name.empty() || name.front() == '/')
        return odd_name(name);
    std::string clean;
    for (std::size_t at = 0; at <= name.size();) {
        const auto slash = std::min(name.find('/', at), name.size());
        const auto part = name.substr(at, slash - at);
        at = slash + 1;
        if (part == "..")
            return odd_name(name);
        if (!part.empty() && part != ".")
            clean += (clean.empty() ? "" : "/") + part;
    }
    return clean;
}

UniqueFd open_beneath(int directory, const std::string& path, int flags)
{
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(static_cast<int>(syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how)));
}

namespace {

sdk::Error failed_to_remove(const std::string& name)
{
    return sdk::os_error("remove '" + name + "'");
}

/// A name's parent, opened, and what it is called there. No descriptor where there is no such parent.
struct Spot {
    UniqueFd parent;
    std::string leaf;
};
sdk::Result<Spot> spot_of(int directory, const std::string& name)
{
    auto clean = clean_name(name);
    if (!clean)
        return std::move(clean).error();
    if (clean->empty())
        return odd_name(name);
    const auto slash = clean->rfind('/');
    UniqueFd parent =
        open_beneath(directory, slash == std::string::npos ? "." : clean->substr(0, slash), O_PATH | O_DIRECTORY);
    if (!parent && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        return failed_to_remove(*clean);
    return Spot{std::move(parent), slash == std::string::npos ? *clean : clean->substr(slash + 1)};
}

}  // namespace

sdk::Result<void> remove_beneath(int directory, const std::string& name)
{
    auto spot = spot_of(directory, name);
    if (!spot)
        return std::move(spot).error();
    if (!spot->parent || unlinkat(spot->parent.get(), spot->leaf.c_str(), 0) == 0 || errno == ENOENT)
        return {};
    return sdk::os::remove_tree("/proc/self/fd/" + std::to_string(spot->parent.get()) + "/" + spot->leaf);
}

sdk::Result<void> unlink_beneath(int directory, const std::string& name)
{
    auto spot = spot_of(directory, name);
    if (!spot)
        return std::move(spot).error();
    if (!spot->parent || unlinkat(spot->parent.get(), spot->leaf.c_str(), name.ends_with('/') ? AT_REMOVEDIR : 0) == 0)
        return {};
    for (const int harmless : {ENOENT, EISDIR, ENOTDIR, ENOTEMPTY, EEXIST})
        if (errno == harmless)
            return {};
    return failed_to_remove(name);
}

}  // namespace banger::tree
