// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/socket.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>

#include "read_all.hpp"

namespace banger::sdk::os {
namespace {

std::string parent_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path)
{
    return path.substr(path.rfind('/') + 1);
}

struct DirectoryCloser {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

Result<void> remove_entries(int directory, const std::string& shown);

Result<void> remove_entry(int parent, const std::string& name, const std::string& shown)
{
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT)
        return {};
    if (errno != EISDIR && errno != EPERM)
        return os_error("remove " + shown);
    const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return os_error("remove " + shown);
    if (auto emptied = remove_entries(fd, shown); !emptied)
        return emptied;
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return os_error("remove " + shown);
    return {};
}

// Takes the descriptor over.
Result<void> remove_entries(int directory, const std::string& shown)
{
    const Directory stream(::fdopendir(directory));
    if (!stream) {
        ::close(directory);
        return os_error("read directory " + shown);
    }
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        if (auto removed = remove_entry(::dirfd(stream.get()), name, shown + "/" + name); !removed)
            return removed;
    }
    return {};
}

Result<sockaddr_un> address_below(int directory, const std::string& path)
{
    // sockaddr_un holds 108 bytes; through the directory's descriptor only the file's own name counts.
    const std::string through = "/proc/self/fd/" + std::to_string(directory) + "/" + name_of(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (through.size() >= sizeof address.sun_path)
        return make_error(Code::invalid, "the socket's name is too long: " + path);
    std::copy(through.begin(), through.end(), static_cast<char*>(address.sun_path));
    return address;
}

Result<UniqueFd> connect_through_directory(const std::string& path, int socket_flags)
{
    const UniqueFd directory(::open(parent_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return os_error("connect to " + path);
    auto address = address_below(directory.get(), path);
    if (!address)
        return std::move(address).error();
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return os_error("connect to " + path);
    return fd;
}

Result<UniqueFd> directory_for_listener(const std::string& path)
{
    UniqueFd directory(::open(parent_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return os_error("listen on " + path);
    return directory;
}

/// How a listening socket is made at a path, the file included.
Result<UniqueFd> make_listener(int directory, const std::string& path, int flags)
{
    auto address = address_below(directory, path);
    if (!address)
        return std::move(address).error();
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    if (!fd)
        return os_error("make a socket");
    // bind(2) gives the file the socket's own mode, less the umask: closed from its first moment.
    if (::fchmod(fd.get(), 0600) != 0)
        return os_error("close the socket to others");
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
        ::listen(fd.get(), SOMAXCONN) != 0)
        return os_error("listen on " + path, errno == EADDRINUSE ? EEXIST : errno);
    return fd;
}

}  // namespace

Result<std::string> read_all(int fd, const std::string& path, std::size_t most)
{
    std::string content;
    std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return os_error("read " + path);
        if (got == 0)
            return content;
        content.append(buffer.data(), static_cast<std::size_t>(got));
        if (content.size() > most)
            return make_error(Code::invalid, path + " is larger than " + std::to_string(most) + " bytes");
    }
}

// Nowhere here does a terminal that somebody put in a file's place become this process's own, whose signals it would get.
Result<std::string> read_file(const std::string& path, std::size_t most)
{
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
    if (!fd)
        return os_error("read " + path);
    return read_all(fd.get(), path, most);
}

Result<void> write_all(int fd, std::string_view content)
{
    while (!content.empty()) {
        const ssize_t wrote = ::write(fd, content.data(), content.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return os_error("write");
        content.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
}

Result<void> write_file_atomic(const std::string& path, std::string_view content, mode_t mode)
{
    const std::string temporary = path + ".new";
    {
        const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode));
        if (!fd)
            return os_error("write " + path);
        auto wrote = write_all(fd.get(), content);
        if (wrote && ::fsync(fd.get()) != 0)
            wrote = os_error("write");
        if (!wrote) {
            ::unlink(temporary.c_str());
            wrote.error().message += " (" + path + ")";
            return wrote;
        }
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        auto error = os_error("write " + path);
        ::unlink(temporary.c_str());
        return error;
    }
    return sync_directory(parent_of(path));
}

Result<void> make_directories(const std::string& path, mode_t mode)
{
    if (path.empty())
        return make_error(Code::invalid, "a directory without a name");
    if (::mkdir(path.c_str(), mode) == 0)
        return {};
    if (errno == EEXIST) {
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
            return {};
        return make_error(Code::exists, path + " is not a directory");
    }
    if (errno != ENOENT)
        return os_error("make directory " + path);
    if (auto parent = make_directories(parent_of(path), mode); !parent)
        return parent;
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return os_error("make directory " + path);
    return {};
}

Result<void> make_private_directory(const std::string& path)
{
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        if (errno != ENOENT)
            return os_error("make directory " + path);
        if (auto made = make_directories(parent_of(path), 0755); !made)
            return made;
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            return os_error("make directory " + path);
    }
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return os_error("open directory " + path);
    if (status.st_uid != ::geteuid())
        return make_error(Code::permission, path + " belongs to another user");
    if ((status.st_mode & 0077) != 0 && ::fchmod(fd.get(), 0700) != 0)
        return os_error("close directory " + path + " to others");
    return {};
}

Result<void> remove_tree(const std::string& path)
{
    const UniqueFd parent(::open(parent_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent)
        return errno == ENOENT ? Result<void>() : Result<void>(os_error("remove " + path));
    return remove_entry(parent.get(), name_of(path), path);
}

Result<void> remove_file(const std::string& path)
{
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return os_error("remove " + path);
    return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path)
{
    const Directory stream(::opendir(path.c_str()));
    if (!stream)
        return os_error("read directory " + path);
    std::vector<std::string> names;
    errno = 0;  // which is how readdir(3) tells an error from the end
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..")
            names.push_back(name);
        errno = 0;
    }
    if (errno != 0)
        return os_error("read directory " + path);
    std::sort(names.begin(), names.end());
    return names;
}

bool exists(const std::string& path)
{
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

Result<void> sync_directory(const std::string& path)
{
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0)
        return os_error("sync directory " + path);
    return {};
}

bool is_same_file(const std::string& one, const std::string& other)
{
    struct stat a {};
    struct stat b {};
    return ::lstat(one.c_str(), &a) == 0 && ::lstat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

Result<void> add_name(const std::string& path, const std::string& name)
{
    if (::link(path.c_str(), name.c_str()) == 0)
        return sync_directory(parent_of(name));
    const int why = errno;
    auto error = os_error("name " + name, why);
    if (why == EXDEV)
        error.hint = "both must be on one file system: " + path + " and " + name;
    return error;
}

Result<void> make_read_only(const std::string& path)
{
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC));
    if (!fd || ::fchmod(fd.get(), 0444) != 0 || ::fsync(fd.get()) != 0)
        return os_error("make " + path + " read-only");
    return {};
}

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode)
{
    UniqueFd fd(::open(path.c_str(), flags | O_NOCTTY | O_CLOEXEC, mode));
    if (!fd)
        return os_error("open " + path);
    return fd;
}

Result<std::uint64_t> free_bytes(const std::string& path)
{
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0)
        return os_error("look at the file system of " + path);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

Result<UniqueFd> connect_unix(const std::string& path)
{
    return connect_through_directory(path, 0);
}

Result<UniqueFd> try_connect_unix(const std::string& path)
{
    auto fd = connect_through_directory(path, SOCK_NONBLOCK);
    if (fd && ::fcntl(fd->get(), F_SETFL, 0) != 0)
        return os_error("connect to " + path);
    return fd;
}

Result<UniqueFd> listen_unix(const std::string& path)
{
    if (auto removed = remove_file(path); !removed)
        return std::move(removed).error();
    auto directory = directory_for_listener(path);
    return directory ? make_listener(directory->get(), path, 0) : std::move(directory);
}

Result<UnixListener> listen_new_unix(const std::string& path)
{
    auto directory = directory_for_listener(path);
    if (!directory)
        return std::move(directory).error();
    auto socket = make_listener(directory->get(), path, SOCK_NONBLOCK);
    if (!socket)
        return std::move(socket).error();
    return UnixListener{std::move(*socket), SocketFile(std::move(*directory), name_of(path))};
}

Result<Peer> peer_of(int socket)
{
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        return os_error("ask who is at the other end of a socket");
    return Peer{credentials.pid, credentials.uid};
}

Result<void> wait_readable(int fd, int cancel_descriptor, std::chrono::steady_clock::time_point deadline)
{
    for (;;) {
        std::array<pollfd, 2> watch{{{fd, POLLIN, 0}, {cancel_descriptor, POLLIN, 0}}};
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        const int count = ::poll(watch.data(), watch.size(), static_cast<int>(std::clamp<long>(left, 0, INT_MAX)));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return os_error("poll");
        if (watch[1].revents != 0)
            return make_error(Code::cancelled, "cancelled");
        if (watch[0].revents != 0)
            return {};
        return make_error(Code::timed_out, "no answer came in time");
    }
}

}  // namespace banger::sdk::os
