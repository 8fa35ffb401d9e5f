// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/stamp.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <memory>

#include "banger/sdk/os/fd.hpp"

namespace banger::tree {
namespace {

using sdk::os::UniqueFd;

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t longest_tick_ns = 20'000'000;  ///< file times are those of the last timer interrupt, CONFIG_HZ=100

std::int64_t in_ns(const timespec& time)
{
    return time.tv_sec * second_ns + time.tv_nsec;
}

std::optional<Stamp> stamp_from(const struct stat& status)
{
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
        return std::nullopt;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    return Stamp{status.st_mode, in_ns(status.st_mtim), in_ns(status.st_ctim), size};
}

constexpr Stamp a_directory{S_IFDIR, 0, 0, 0};

sdk::Result<void> scan_into(Stamps& stamps, int directory, const std::string& prefix)
{
    const int opened = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opened < 0 ? nullptr : fdopendir(opened), &closedir);
    if (!listing)
        return sdk::os_error("read the directory '" + prefix + "'");
    while (const dirent* entry = readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe): nobody else has it
        const std::string name = entry->d_name;
        if (name == "." || name == ".." || name == ".git")
            continue;
        struct stat status {};
        if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (const auto stamp = stamp_from(status))
            stamps.emplace(prefix + name, *stamp);
        if (!S_ISDIR(status.st_mode))
            continue;
        const UniqueFd below(openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!below && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
            continue;
        if (!below)
            return sdk::os_error("read the directory '" + prefix + name + "'");
        if (auto scanned = scan_into(stamps, below.get(), prefix + name + "/"); !scanned)
            return scanned;
    }
    return {};
}

UniqueFd find(int directory, const std::string& name, std::uint64_t flags = O_PATH | O_NOFOLLOW)
{
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(static_cast<int>(syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how)));
}

}  // namespace

std::optional<Stamp> stamp_of(int directory, const std::string& name)
{
    const UniqueFd found = find(directory, name);
    struct stat status {};
    if (!found || fstat(found.get(), &status) != 0)
        return std::nullopt;
    return stamp_from(status);
}

Stamps list(int directory, const std::string& name)
{
    Stamps stamps;
    const int opened = find(directory, name, O_RDONLY | O_DIRECTORY).release();
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opened < 0 ? nullptr : fdopendir(opened), &closedir);
    const std::string prefix = name == "." ? "" : name + "/";
    while (const dirent* entry = listing ? readdir(listing.get()) : nullptr) {  // NOLINT(concurrency-mt-unsafe)
        const std::string leaf = entry->d_name;
        struct stat status {};
        if (leaf == "." || leaf == ".." || leaf == ".git" ||
            fstatat(dirfd(listing.get()), leaf.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISDIR(status.st_mode))
            stamps.emplace(prefix + leaf, a_directory);
        else if (const auto stamp = stamp_from(status))
            stamps.emplace(prefix + leaf, *stamp);
    }
    return stamps;
}

bool is_out_of_sight(int directory, const std::string& name)
{
    return !find(directory, name) && errno == EACCES;
}

std::int64_t clock_now_ns()
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return in_ns(now);
}

std::optional<Stamp> settled_stamp_of(int directory, const std::string& name, std::int64_t now_ns)
{
    auto stamp = stamp_of(directory, name);
    if (stamp && now_ns - stamp->changed_ns < longest_tick_ns)
        stamp->changed_ns = 0;
    return stamp;
}

bool is_as_expected(int directory, const std::string& name, const Stamp& expected)
{
    return stamp_of(directory, name).value_or(Stamp{}) == expected;
}

std::string to_text(const Stamps& stamps)
{
    std::string text;
    for (const auto& [name, stamp] : stamps) {
        text += std::to_string(stamp.mode) + ' ' + std::to_string(stamp.modified_ns) + ' ' +
                std::to_string(stamp.changed_ns) + ' ' + std::to_string(stamp.size) + ' ';
        text.append(name).push_back('\0');
    }
    return text;
}

sdk::Result<Stamps> stamps_from_text(std::string_view text)
{
    Stamps stamps;
    const auto damaged = [] { return sdk::make_error(sdk::Code::corrupt, "a list of files is damaged"); };
    while (!text.empty()) {
        const auto end = text.find('\0');
        if (end == std::string_view::npos)
            return damaged();
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        Stamp stamp;
        const auto take = [&line](auto& number) {
            const auto [rest, problem] = std::from_chars(line.data(), line.data() + line.size(), number);
            if (problem != std::errc() || rest == line.data() + line.size() || *rest != ' ')
                return false;
            line.remove_prefix(static_cast<std::size_t>(rest - line.data()) + 1);
            return true;
        };
        if (!take(stamp.mode) || !take(stamp.modified_ns) || !take(stamp.changed_ns) || !take(stamp.size) || line.empty())
            return damaged();
        stamps[std::string(line)] = stamp;
    }
    return stamps;
}

bool is_in_git_directory(std::string_view name)
{
    for (std::size_t at = 0; at <= name.size();) {
        const auto slash = std::min(name.find('/', at), name.size());
        if (name.substr(at, slash - at) == ".git")
            return true;
        at = slash + 1;
    }
    return false;
}

sdk::Result<Stamps> scan(int directory)
{
    Stamps stamps;
    if (auto scanned = scan_into(stamps, directory, ""); !scanned)
        return std::move(scanned).error();
    return stamps;
}

}  // namespace banger::tree
