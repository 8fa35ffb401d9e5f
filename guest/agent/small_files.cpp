// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/small_files.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "banger/sdk/os/fd.hpp"

namespace banger::agent {
namespace {

/// Where a write to `path` should end up: behind the symbolic links, also when the last target does not exist yet.
std::string behind_links(std::string path)
{
    for (int hops = 0; hops < 8; ++hops) {
        std::array<char, PATH_MAX> target{};
        const auto length = readlink(path.c_str(), target.data(), target.size() - 1);
        if (length <= 0)
            return path;
        const std::string next(target.data(), static_cast<std::size_t>(length));
        path = next.starts_with('/') ? next : path.substr(0, path.rfind('/') + 1) + next;
    }
    return path;
}

bool write_all(int fd, std::string_view content)
{
    while (!content.empty()) {
        const auto count = write(fd, content.data(), content.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

std::string parent_of(const std::string& path)
{
    const auto at = path.rfind('/');
    return at == 0 ? "/" : path.substr(0, at);
}

std::string temporary_beside(const std::string& path)
{
    std::uint64_t random = 0;
    [[maybe_unused]] const auto got = getrandom(&random, sizeof random, GRND_NONBLOCK);
    return parent_of(path) + "/.banger-" + std::to_string(random) + "-" + std::to_string(getpid());
}

std::string small_file(const std::string& path)
{
    std::string content;
    const sdk::os::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, 4096> piece;
    for (;;) {
        const auto count = fd ? read(fd.get(), piece.data(), piece.size()) : 0;
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return content;
        content.append(piece.data(), static_cast<std::size_t>(count));
    }
}

std::string small_line(const std::string& path)
{
    auto line = small_file(path);
    while (!line.empty() && (line.back() == '\n' || line.back() == ' '))
        line.pop_back();
    return line;
}

std::string_view take_line(std::string_view& text)
{
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

sdk::Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode)
{
    const std::string target = behind_links(path);
    const std::string temporary = target + ".banger-new";
    unlink(temporary.c_str());
    const sdk::os::UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd)
        return sdk::os_error("write " + path);
    if (!write_all(fd.get(), content) || fchmod(fd.get(), mode) != 0 ||
        rename(temporary.c_str(), target.c_str()) != 0) {
        auto error = sdk::os_error("write " + path);
        unlink(temporary.c_str());
        return error;
    }
    return {};
}

void make_directories(const std::string& path)
{
    for (std::size_t at = 1; at != std::string::npos;) {
        at = path.find('/', at);
        mkdir(path.substr(0, at).c_str(), 0755);
        if (at != std::string::npos)
            ++at;
    }
}

std::string boot_option(std::string_view name)
{
    const std::string line = " " + small_line("/proc/cmdline") + " ";
    const std::string key = " " + std::string(name) + "=";
    const auto at = line.find(key);
    if (at == std::string::npos)
        return {};
    const auto start = at + key.size();
    return line.substr(start, line.find(' ', start) - start);
}

}  // namespace banger::agent
