// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_changes.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk::testing {

void wait_for_change(const std::string& path, std::chrono::milliseconds patience, const std::function<bool()>& done)
{
    const os::UniqueFd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    ::inotify_add_watch(changes.get(), path.c_str(), IN_MODIFY);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done() && os::wait_readable(changes.get(), -1, deadline)) {
        std::array<char, 4096> event{};
        (void)!::read(changes.get(), event.data(), event.size());
    }
}

}  // namespace banger::sdk::testing
