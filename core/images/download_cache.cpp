// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/download_cache.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "core/images/shelf.hpp"

namespace banger::images {
namespace {

constexpr const char* downloads_name = "/blobs";

// The file, locked; nothing if somebody else has locked it or it is gone.
std::optional<sdk::os::UniqueFd> lock_idle(const std::string& path)
{
    auto file = sdk::os::open_file(path, O_RDONLY | O_NOFOLLOW);
    if (!file || ::flock(file->get(), LOCK_EX | LOCK_NB) != 0)
        return std::nullopt;
    return std::move(*file);
}

sdk::Result<std::vector<std::string>> names_in(const std::string& directory)
{
    auto names = sdk::os::list_directory(directory);
    if (!names && names.error().code == sdk::Code::not_found)
        return std::vector<std::string>{};
    if (names)
        std::sort(names->begin(), names->end());
    return names;
}

}  // namespace

sdk::Result<std::vector<Download>> idle_downloads(const std::string& plugin_cache)
{
    const auto plugins = names_in(plugin_cache);
    if (!plugins)
        return plugins.error();
    std::vector<Download> found;
    for (const auto& plugin : *plugins) {
        const std::string directory = plugin_cache + "/" + plugin + downloads_name;
        const auto names = sdk::os::exists(directory) ? names_in(directory) : std::vector<std::string>{};
        if (!names)
            return names.error();
        for (const auto& name : *names)
            if (const auto path = directory + "/" + name; lock_idle(path))
                found.push_back({path, allocated_bytes(path)});
    }
    return found;
}

sdk::Result<std::uint64_t> remove_download(const Download& download)
{
    const auto locked = lock_idle(download.path);
    if (!locked)
        return std::uint64_t{0};
    if (auto removed = sdk::os::remove_file(download.path); !removed)
        return std::move(removed).error();
    return download.bytes;
}

}  // namespace banger::images
