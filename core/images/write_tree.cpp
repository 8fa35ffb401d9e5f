// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/write_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "core/images/ext4_xattr.hpp"

namespace banger::images {
namespace {

constexpr std::size_t read_bytes = 256U << 10;
constexpr std::size_t max_link_bytes = 4096;

class TreeWalk {
public:
    TreeWalk(Ext4Writer& writer, const TreeOptions& options, std::string top)
        : writer_(writer), options_(options), top_(std::move(top))
    {
    }
    sdk::Result<void> run();

private:
    struct Here {
        int directory;            // descriptor of the parent
        const std::string& name;  // in it
        const std::string& path;  // in the writer
    };
    sdk::Result<void> directory(const std::string& path);
    sdk::Result<void> entry(const Here& here);
    sdk::Result<void> file(const Here& here, const struct stat& status, const Metadata& metadata);
    sdk::Result<void> symlink(const Here& here, const Metadata& metadata);
    sdk::Result<Metadata> metadata_of(const struct stat& status, const std::string& proc_path, bool follow) const;
    [[nodiscard]] sdk::Error failed(std::string_view what, const std::string& path) const
    {
        return sdk::os_error(std::string(what) + " " + top_ + "/" + path);
    }

    Ext4Writer& writer_;
    TreeOptions options_;
    std::string top_;
    std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // files with more than one name: the first seen
    std::vector<std::string> pending_;  // directories still to be read; paths, for descriptors are few
    sdk::os::UniqueFd root_;
};

std::string proc_path(int fd)
{
    return "/proc/self/fd/" + std::to_string(fd);
}

sdk::os::UniqueFd open_below(int directory, const std::string& path)
{
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    return sdk::os::UniqueFd(static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how)));
}

// listxattr and getxattr, with or without following a last link, growing until the answer fits.
template <typename Call>
std::optional<std::string> attribute_bytes(Call call)
{
    std::string bytes;
    for (;;) {
        const auto size = call(nullptr, 0);
        if (size <= 0)
            return size == 0 ? std::optional(std::string{}) : std::nullopt;
        bytes.resize(static_cast<std::size_t>(size));
        const auto got = call(bytes.data(), bytes.size());
        if (got >= 0) {
            bytes.resize(static_cast<std::size_t>(got));
            return bytes;
        }
        if (errno != ERANGE)
            return std::nullopt;
    }
}

std::optional<std::vector<Xattr>> attributes_of(const std::string& path, bool follow)
{
    const auto names = attribute_bytes([&](char* into, std::size_t size) {
        return follow ? ::listxattr(path.c_str(), into, size) : ::llistxattr(path.c_str(), into, size);
    });
    std::vector<Xattr> result;
    if (!names)
        return errno == ENOTSUP ? std::optional(result) : std::nullopt;
    for (std::size_t start = 0; start < names->size();) {
        const std::string name = names->c_str() + start;
        start += name.size() + 1;
        if (!storable_xattr(name) || name == "security.selinux")  // the host's labels mean nothing in a guest
            continue;
        auto value = attribute_bytes([&](char* into, std::size_t size) {
            return follow ? ::getxattr(path.c_str(), name.c_str(), into, size)
                          : ::lgetxattr(path.c_str(), name.c_str(), into, size);
        });
        if (!value)
            return std::nullopt;
        result.push_back({name, std::move(*value)});
    }
    std::sort(result.begin(), result.end(), [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
    return result;
}

std::optional<std::vector<std::string>> names_in(int fd)
{
    struct Close {
        void operator()(DIR* open) const { ::closedir(open); }
    };
    sdk::os::UniqueFd copy(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy)
        return std::nullopt;
    std::unique_ptr<DIR, Close> open(::fdopendir(copy.get()));
    if (!open)
        return std::nullopt;
    (void)copy.release();
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(open.get()))  // NOLINT(concurrency-mt-unsafe): nobody else has this stream
        if (const std::string_view name = entry->d_name; name != "." && name != "..")
            names.emplace_back(name);
    if (errno != 0)
        return std::nullopt;
    std::sort(names.begin(), names.end());
    return names;
}

// The next stretch of data at or behind `from`; where the file system knows no holes that is the rest.
std::optional<std::pair<off_t, off_t>> next_data(int fd, off_t from, off_t size)
{
    const auto start = ::lseek(fd, from, SEEK_DATA);
    if (start < 0)
        return errno == ENXIO ? std::pair(size, size) : std::optional<std::pair<off_t, off_t>>{};
    const auto end = ::lseek(fd, start, SEEK_HOLE);
    if (end < 0)
        return std::nullopt;
    return std::pair(start, std::min(end, size));
}

PullData content_of(int fd, off_t size, const std::string& path)
{
    struct Position {
        off_t at = 0;
        off_t end = 0;
        std::vector<char> buffer = std::vector<char>(read_bytes);
    };
    auto position = std::make_shared<Position>();
    return [fd, size, path, position]() -> sdk::Result<std::optional<DataRun>> {
        if (position->at >= position->end) {
            const auto data = next_data(fd, position->at, size);
            if (!data)
                return sdk::os_error("find the data of " + path);
            std::tie(position->at, position->end) = *data;
        }
        if (position->at >= size)
            return std::optional<DataRun>{};
        const auto want =
            std::min<std::size_t>(position->buffer.size(), static_cast<std::size_t>(position->end - position->at));
        const auto got = ::pread(fd, position->buffer.data(), want, position->at);
        if (got < 0)
            return sdk::os_error("read " + path);
        if (got == 0)
            return sdk::make_error(sdk::Code::invalid, "'" + path + "' got shorter while it was read");
        const DataRun run{static_cast<std::uint64_t>(position->at),
                          {position->buffer.data(), static_cast<std::size_t>(got)}};
        position->at += got;
        return std::optional(run);
    };
}

sdk::Result<Metadata> TreeWalk::metadata_of(const struct stat& status, const std::string& path, bool follow) const
{
    Metadata metadata;
    metadata.mode = status.st_mode & 07777U;
    metadata.mtime_seconds = status.st_mtim.tv_sec;
    metadata.mtime_nanoseconds = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
    if (options_.keep_owner) {
        metadata.uid = status.st_uid;
        metadata.gid = status.st_gid;
    }
    if (options_.keep_xattrs) {
        auto xattrs = attributes_of(path, follow);
        if (!xattrs)
            return sdk::os_error("read the extended attributes of " + path);
        metadata.xattrs = std::move(*xattrs);
    }
    return metadata;
}

sdk::Result<void> TreeWalk::symlink(const Here& here, const Metadata& metadata)
{
    std::array<char, max_link_bytes> target{};
    const auto size = ::readlinkat(here.directory, here.name.c_str(), target.data(), target.size());
    if (size < 0)
        return failed("read the link", here.path);
    return writer_.symlink(here.path, metadata, {target.data(), static_cast<std::size_t>(size)});
}

sdk::Result<void> TreeWalk::file(const Here& here, const struct stat& status, const Metadata& metadata)
{
    const sdk::os::UniqueFd fd(::openat(here.directory, here.name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd)
        return failed("open", here.path);
    return writer_.file(here.path, metadata, static_cast<std::uint64_t>(status.st_size),
                        content_of(fd.get(), status.st_size, top_ + "/" + here.path));
}

sdk::Result<void> TreeWalk::entry(const Here& here)
{
    struct stat status {};
    if (::fstatat(here.directory, here.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return failed("inspect", here.path);
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
        const auto [first, is_new] = linked_.emplace(std::pair(status.st_dev, status.st_ino), here.path);
        if (!is_new)
            return writer_.hard_link(here.path, first->second);
    }
    auto metadata = metadata_of(status, proc_path(here.directory) + "/" + here.name, false);
    if (!metadata)
        return std::move(metadata.error());
    switch (status.st_mode & S_IFMT) {
        case S_IFREG: return file(here, status, *metadata);
        case S_IFLNK: return symlink(here, *metadata);
        case S_IFIFO: return writer_.fifo(here.path, *metadata);
        case S_IFSOCK: return writer_.socket(here.path, *metadata);
        case S_IFCHR:
            return writer_.device(here.path, *metadata, FileKind::character_device, major(status.st_rdev),
                                  minor(status.st_rdev));
        case S_IFBLK:
            return writer_.device(here.path, *metadata, FileKind::block_device, major(status.st_rdev),
                                  minor(status.st_rdev));
        default: break;
    }
    pending_.push_back(here.path);
    return writer_.directory(here.path, *metadata);
}

sdk::Result<void> TreeWalk::directory(const std::string& path)
{
    const auto fd = open_below(root_.get(), path.empty() ? "." : path);
    if (!fd)
        return failed("open", path);
    const auto names = names_in(fd.get());
    if (!names)
        return failed("read the directory", path);
    const auto prefix = path.empty() ? path : path + "/";
    for (const auto& name : *names)
        if (auto put = entry({fd.get(), name, prefix + name}); !put)
            return put;
    return {};
}

sdk::Result<void> TreeWalk::run()
{
    root_.reset(::open(top_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!root_ || ::fstat(root_.get(), &status) != 0)
        return failed("open", "");
    auto metadata = metadata_of(status, proc_path(root_.get()), true);
    if (!metadata)
        return std::move(metadata.error());
    if (auto put = writer_.directory("", *metadata); !put)
        return put;
    pending_.emplace_back();
    while (!pending_.empty()) {
        const auto next = std::move(pending_.back());
        pending_.pop_back();
        if (auto written = directory(next); !written)
            return written;
    }
    return {};
}

}  // namespace

sdk::Result<void> write_tree(Ext4Writer& writer, const std::string& directory, const TreeOptions& options)
{
    return TreeWalk(writer, options, directory).run();
}

}  // namespace banger::images
