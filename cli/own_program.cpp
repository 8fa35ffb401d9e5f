// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/own_program.hpp"

#include <unistd.h>

#include <array>

namespace banger::cli {

sdk::Result<std::string> own_program()
{
    std::array<char, 4096> path{};
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    if (length <= 0)
        return sdk::os_error("find out where banger itself is");
    return std::string(path.data(), static_cast<std::size_t>(length));
}

}  // namespace banger::cli
