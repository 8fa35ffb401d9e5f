// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tree_snapshot.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "banger/sdk/os/fd.hpp"

namespace banger::images::testing {
namespace {

namespace fs = std::filesystem;

constexpr off_t block = 4096;

void must(bool done, const std::string& what)
{
    if (!done)
        throw std::runtime_error("cannot " + what + ": errno " + std::to_string(errno));
}

std::string fingerprint(int fd, off_t from, off_t to)
{
    std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
    std::array<char, 65536> buffer{};
    while (from < to) {
        const auto count =
            ::pread(fd, buffer.data(), std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(to - from)), from);
        must(count > 0, "read");
        for (ssize_t at = 0; at < count; ++at)
            hash = (hash ^ static_cast<unsigned char>(buffer[static_cast<std::size_t>(at)])) * 1099511628211ULL;
        from += count;
    }
    return std::to_string(hash);
}

// Data and where it is, in whole blocks: the file systems compared have the same block size.
std::string content_of(const std::string& path, off_t size, Holes holes)
{
    const sdk::os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    must(static_cast<bool>(fd), "open " + path);
    std::string result = "size " + std::to_string(size);
    if (holes == Holes::as_zeros)
        return result + " " + fingerprint(fd.get(), 0, size);
    for (off_t at = 0; at < size;) {
        const auto start = ::lseek(fd.get(), at, SEEK_DATA);
        if (start < 0)
            break;
        const auto end = std::min(::lseek(fd.get(), start, SEEK_HOLE), size);
        result += " [" + std::to_string(start / block) + "-" + std::to_string((end + block - 1) / block) + ": " +
                  fingerprint(fd.get(), start, end) + "]";
        at = end;
    }
    return result;
}

std::string attributes_of(const std::string& path)
{
    std::array<char, 65536> names{};
    const auto size = ::llistxattr(path.c_str(), names.data(), names.size());
    std::vector<std::string> all;
    for (ssize_t at = 0; at < size;) {
        const std::string name = names.data() + at;
        at += static_cast<ssize_t>(name.size()) + 1;
        std::array<char, 65536> value{};
        const auto length = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
        must(length >= 0, "read " + name + " of " + path);
        all.push_back(name + "=" + std::string(value.data(), static_cast<std::size_t>(length)));
    }
    std::sort(all.begin(), all.end());
    std::string result;
    for (const auto& one : all)
        result += " {" + one + "}";
    return result;
}

std::string describe(const std::string& path, const struct stat& status, Holes holes)
{
    std::string result = "mode " + std::to_string(status.st_mode) + " owner " + std::to_string(status.st_uid) + ":" +
                         std::to_string(status.st_gid) + " time " + std::to_string(status.st_mtim.tv_sec) + "." +
                         std::to_string(status.st_mtim.tv_nsec) + " ";
    if (S_ISREG(status.st_mode))
        result += content_of(path, status.st_size, holes);
    else if (S_ISLNK(status.st_mode))
        result += "to " + fs::read_symlink(path).string();
    else if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
        result += "device " + std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
    if (!S_ISDIR(status.st_mode))
        result += " links " + std::to_string(status.st_nlink);
    return result + attributes_of(path);
}

void write(const std::string& path, std::string_view bytes, mode_t mode = 0644, off_t at = 0)
{
    const sdk::os::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    must(fd && ::pwrite(fd.get(), bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size()),
         "write " + path);
    must(::fchmod(fd.get(), mode) == 0, "chmod " + path);
}

void attribute(const std::string& path, const std::string& name, std::string_view value)
{
    const bool done = ::lsetxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) == 0;
    must(done || errno == ENOTSUP, "set " + name + " on " + path);  // a tmpfs of an older kernel has no user.*
}

void make_odd_names(const std::string& top)
{
    must(::mkdir(top.c_str(), 0755) == 0, "mkdir " + top);
    for (const std::string name : {"new\nline", "quo\"te", "s'q", "sp ace", "\xff\xfe\x80", "e\xcc\x81", "\xc3\xa9",
                                   "back\\slash", "tab\t", "-dash", "*", "\x01\x7f", "con:colon", "%41"})
        write(top + "/" + name, name);
    write(top + "/" + std::string(255, 'x'), "longest");
    for (const int length : {1, 59, 60, 61, 255, 1000, 4095})
        must(::symlink(std::string(static_cast<std::size_t>(length), 'l').c_str(),
                       (top + "/link" + std::to_string(length)).c_str()) == 0,
             "symlink");
    must(::symlink("/../../absolute", (top + "/escape").c_str()) == 0, "symlink");
}

void make_nodes(const std::string& top)
{
    must(::mkdir(top.c_str(), 03777) == 0 && ::chmod(top.c_str(), 03777) == 0, "mkdir " + top);
    const auto node = [&](const std::string& name, mode_t mode, dev_t device) {
        must(::mknod((top + "/" + name).c_str(), mode, device) == 0, "mknod " + name);
    };
    node("null", S_IFCHR | 0666, makedev(1, 3));
    node("sda", S_IFBLK | 0660, makedev(8, 0));
    node("wide", S_IFCHR | 0600, makedev(300, 70000));
    node("minor", S_IFBLK | 0600, makedev(8, 256));
    node("pipe", S_IFIFO | 0640, 0);
    write(top + "/owned", "o", 04755);
    must(::chown((top + "/owned").c_str(), 70000, 100001) == 0 && ::chmod((top + "/owned").c_str(), 06755) == 0,
         "chown");
    for (const auto& [name, seconds, nanoseconds] :
         {std::tuple("old", -1500000001L, 750000000L), std::tuple("late", 9000000000L, 999999999L),
          std::tuple("fine", 1700000000L, 123456789L), std::tuple("first", 0L, 0L)}) {
        write(top + "/" + name, "t");
        const std::array<timespec, 2> times{{{seconds, nanoseconds}, {seconds, nanoseconds}}};
        must(::utimensat(AT_FDCWD, (top + "/" + name).c_str(), times.data(), 0) == 0, "set time");
    }
}

void make_attributes(const std::string& top)
{
    must(::mkdir(top.c_str(), 0755) == 0, "mkdir " + top);
    write(top + "/many", "m");
    attribute(top + "/many", "user.small", "value");
    attribute(top + "/many", "user.large", std::string(1500, 'L'));
    attribute(top + "/many", "user.empty", "");
    attribute(top + "/many", "user.binary", std::string_view("\xff\0z", 3));
    attribute(top + "/many", "trusted.t", "t");
    write(top + "/capable", "c", 0755);
    attribute(top + "/capable", "security.capability",
              std::string_view("\0\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20));
    // Version 2, then tag, permissions and id of owner, user 1234, group, group 4321, mask and others.
    const std::string_view acl(
        "\2\0\0\0"
        "\1\0\6\0\xff\xff\xff\xff"
        "\2\0\7\0\xd2\x04\0\0"
        "\4\0\4\0\xff\xff\xff\xff"
        "\x08\0\5\0\xe1\x10\0\0"
        "\x10\0\7\0\xff\xff\xff\xff"
        "\x20\0\0\0\xff\xff\xff\xff",
        52);
    write(top + "/listed", "a", 0640);
    attribute(top + "/listed", "system.posix_acl_access", acl);
    must(::mkdir((top + "/inherits").c_str(), 0750) == 0, "mkdir");
    attribute(top + "/inherits", "system.posix_acl_default", acl);
    attribute(top + "/inherits", "user.d", std::string(90, 'd'));
}

void make_long_sparse_file(const std::string& path)
{
    write(path, "end", 0644, (4LL << 30) + 1);
    write(path, std::string(9000, 'm'), 0644, 5000);
    must(::truncate(path.c_str(), 5LL << 30) == 0, "truncate");
}

void make_files(const std::string& top)
{
    must(::mkdir(top.c_str(), 0755) == 0, "mkdir " + top);
    for (const std::size_t length : {0U, 1U, 4096U, 4097U})
        write(top + "/file" + std::to_string(length), std::string(length, 'f'));
    write(top + "/hole", "", 0644);
    must(::truncate((top + "/hole").c_str(), 10 << 20) == 0, "truncate");
    for (int piece = 0; piece < 700; ++piece)
        write(top + "/pieces", "piece " + std::to_string(piece), 0644, off_t{piece} * 16384);
    must(::link((top + "/file1").c_str(), (top + "/file1-again").c_str()) == 0, "link");
    std::string deep = top;
    for (int level = 0; level < 60; ++level) {
        deep += "/level" + std::to_string(level);
        must(::mkdir(deep.c_str(), 0755) == 0, "mkdir " + deep);
    }
    must(::link((top + "/file1").c_str(), (deep + "/file1").c_str()) == 0, "link");
}

}  // namespace

void make_odd_tree(const std::string& directory, const OddTree& parts)
{
    make_odd_names(directory + "/names");
    make_nodes(directory + "/nodes");
    make_attributes(directory + "/attributes");
    make_files(directory + "/files");
    if (parts.long_sparse_file)
        make_long_sparse_file(directory + "/files/sparse");
}

TreeSnapshot snapshot_of(const std::string& directory, Holes holes)
{
    TreeSnapshot result;
    std::map<std::pair<dev_t, ino_t>, std::string> first;
    std::vector<std::string> paths;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
        paths.push_back(entry.path().string().substr(directory.size() + 1));
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
        if (path == "lost+found")
            continue;
        const auto full = directory + "/" + path;
        struct stat status {};
        must(::lstat(full.c_str(), &status) == 0, "inspect " + full);
        result[path] = describe(full, status, holes);
        if (!S_ISDIR(status.st_mode))
            result[path] += " same as " + first.emplace(std::pair(status.st_dev, status.st_ino), path).first->second;
    }
    return result;
}

std::vector<std::string> differences(const TreeSnapshot& expected, const TreeSnapshot& found)
{
    std::vector<std::string> result;
    auto paths = expected;
    paths.insert(found.begin(), found.end());
    for (const auto& [path, unused] : paths) {
        const auto a = expected.find(path);
        const auto b = found.find(path);
        const auto left = a == expected.end() ? "(nothing)" : a->second.substr(0, 400);
        const auto right = b == found.end() ? "(nothing)" : b->second.substr(0, 400);
        if ((a == expected.end() || b == found.end() || a->second != b->second) && result.size() < 10)
            result.push_back(path + "\n  expected " + left + "\n  found    " + right);
    }
    return result;
}

}  // namespace banger::images::testing
