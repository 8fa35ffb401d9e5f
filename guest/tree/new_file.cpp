// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/new_file.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace banger::tree {

std::string temporary_name()
{
    std::uint64_t random = 0;
    [[maybe_unused]] const auto got = getrandom(&random, sizeof random, GRND_NONBLOCK);
    return ".banger-" + std::to_string(random);
}

sdk::Result<NewFile> NewFile::make(int directory)
{
    NewFile made(directory);
    made.file_.reset(openat(directory, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
    // What a file system says that has no such files, and a kernel that does not know of them (open(2)).
    if (!made.file_ && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        std::string name = temporary_name();
        made.file_.reset(openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (made.file_)
            made.temporary_ = std::move(name);
    }
    if (!made.file_)
        return sdk::os_error("make a file");
    return made;
}

NewFile::NewFile(NewFile&& other) noexcept
    : directory_(other.directory_), file_(std::move(other.file_)), temporary_(std::exchange(other.temporary_, {}))
{
}

NewFile::~NewFile()
{
    if (!temporary_.empty())
        unlinkat(directory_, temporary_.c_str(), 0);
}

sdk::Result<void> NewFile::publish(const std::string& name)
{
    if (temporary_.empty()) {
        const std::string open = "/proc/self/fd/" + std::to_string(file_.get());
        if (linkat(AT_FDCWD, open.c_str(), directory_, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
            return sdk::os_error("give a file its name");
        return {};
    }
    // The old name goes with the file, or at its end.
    if (linkat(directory_, temporary_.c_str(), directory_, name.c_str(), 0) == 0)
        return {};
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)  // a file system without links, link(2)
        return sdk::os_error("give a file its name");
    if (renameat2(directory_, temporary_.c_str(), directory_, name.c_str(), RENAME_NOREPLACE) != 0)
        return sdk::os_error("give a file its name");
    temporary_.clear();
    return {};
}

HeldSignals::HeldSignals()
{
    sigset_t stops;
    sigemptyset(&stops);
    for (const int one : {SIGHUP, SIGINT, SIGQUIT, SIGTERM})
        sigaddset(&stops, one);
    pthread_sigmask(SIG_BLOCK, &stops, &before_);
}

HeldSignals::~HeldSignals()
{
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace banger::tree
