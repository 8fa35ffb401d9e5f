// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// The ends to read from and to write to; neither is inherited.
inline Result<std::pair<UniqueFd, UniqueFd>> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return os_error("make a pipe");
    return std::pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace banger::sdk::os
