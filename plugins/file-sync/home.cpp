// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "home.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace banger::file_sync {

std::string home_directory()
{
    const char* named = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): it is never changed
    if (named != nullptr && *named == '/')
        return named;
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> buffer{};
    if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return entry.pw_dir;
    return "/";
}

std::string expanded(const std::string& path, const std::string& home)
{
    return path == "~" || path.starts_with("~/") ? home + path.substr(1) : path;
}

}  // namespace banger::file_sync
