// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/file_follow.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::cli {
namespace {

sdk::Result<void> print_rest(int descriptor)
{
    struct stat status {};
    if (::fstat(descriptor, &status) == 0 && status.st_size < ::lseek(descriptor, 0, SEEK_CUR))
        ::lseek(descriptor, 0, SEEK_SET);
    std::array<char, 65536> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (;;) {
        const ssize_t got = ::read(descriptor, bytes.data(), bytes.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sdk::os_error("read the log");
        if (got == 0)
            return {};
        auto wrote = sdk::os::write_all(STDOUT_FILENO, {bytes.data(), static_cast<std::size_t>(got)});
        if (!wrote)
            return wrote;
    }
}

}  // namespace

sdk::Result<void> print_file(int descriptor, bool follow)
{
    if (!follow)
        return print_rest(descriptor);
    const sdk::os::UniqueFd watch(::inotify_init1(IN_CLOEXEC));
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    if (!watch || ::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) < 0)
        return sdk::os_error("watch the log");
    for (;;) {
        if (auto printed = print_rest(descriptor); !printed)
            return printed;
        // Watched before it was read: what was added in between is an event already.
        std::array<char, 4096> events{};
        if (::read(watch.get(), events.data(), events.size()) < 0 && errno != EINTR)
            return sdk::os_error("watch the log");
    }
}

}  // namespace banger::cli
