// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/change_mark.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>

namespace banger::images {

std::string change_mark(const std::string& path)
{
    namespace fs = std::filesystem;
    constexpr std::int64_t second_ns = 1'000'000'000;
    std::int64_t count = 0;
    std::int64_t bytes = 0;
    std::int64_t newest_ns = 0;
    const auto add = [&](const struct stat& status) {
        ++count;
        bytes += S_ISDIR(status.st_mode) ? 0 : status.st_size;
        newest_ns = std::max(newest_ns, status.st_ctim.tv_sec * second_ns + status.st_ctim.tv_nsec);
    };
    struct stat status {};
    std::error_code failure;
    if (::stat(path.c_str(), &status) != 0)
        return "unreadable";
    add(status);
    if (S_ISDIR(status.st_mode))
        for (fs::recursive_directory_iterator entry(path, failure), end; !failure && entry != end; entry.increment(failure))
            if (::lstat(entry->path().c_str(), &status) == 0)
                add(status);
    return std::to_string(count) + " " + std::to_string(bytes) + " " + std::to_string(newest_ns) + (failure ? " unreadable" : "");
}

}  // namespace banger::images
