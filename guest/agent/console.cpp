// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/console.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "banger/sdk/os/fd.hpp"

namespace banger::agent {

void say_on_console(const std::string& sentence)
{
    const sdk::os::UniqueFd console(open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    const std::string line = "banger: " + sentence + "\r\n";
    [[maybe_unused]] const auto ignored = write(console ? console.get() : STDERR_FILENO, line.data(), line.size());
}

}  // namespace banger::agent
