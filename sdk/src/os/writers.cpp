// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <cerrno>
#include <csignal>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk::os {
namespace {

// Of a descriptor that cannot write itself. The lease is given back at once; who opens the file for writing meanwhile
// waits for that.
Result<bool> has_writers(int fd, const std::string& path)
{
    // The kernel says by a signal that somebody waits, and SIGIO, its usual one, would end us.
    if (::fcntl(fd, F_SETSIG, SIGURG) == 0 && ::fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        if (::fcntl(fd, F_SETLEASE, F_UNLCK) != 0)
            return os_error("give back the lease on " + path);
        return false;
    }
    const int why = errno;
    if (why == EAGAIN)
        return true;
    auto error = os_error("ask who writes " + path, why);
    if (why == EINVAL || why == EOPNOTSUPP || why == ENOLCK)
        error.code = Code::unsupported;
    return error;
}

}  // namespace

Result<bool> is_written(const std::string& path)
{
    auto fd = open_file(path, O_RDONLY | O_NOFOLLOW);
    if (!fd && fd.error().code == Code::not_found)
        return false;
    if (!fd)
        return std::move(fd).error();
    auto written = has_writers(fd->get(), path);
    const std::string directory = path.substr(0, path.rfind('/'));
    // Some network file systems refuse leases for reasons of their own, in the same words.
    if (written && *written && !tells_writers(directory))
        return make_error(Code::unsupported, "the file system of " + directory + " does not tell who writes a file");
    return written;
}

bool tells_writers(const std::string& directory)
{
    UniqueFd writer(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    const std::string itself = "/proc/self/fd/" + std::to_string(writer.get());
    const UniqueFd reader(::open(itself.c_str(), O_RDONLY | O_CLOEXEC));
    if (!writer || !reader)
        return false;
    const auto with_writer = has_writers(reader.get(), directory);
    writer.reset();
    const auto without = has_writers(reader.get(), directory);
    return with_writer && *with_writer && without && !*without;
}

}  // namespace banger::sdk::os
