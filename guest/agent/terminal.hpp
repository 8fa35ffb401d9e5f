// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::agent {

struct Terminal {
    sdk::os::UniqueFd master;
    sdk::os::UniqueFd slave;
};

/// Opens a pseudo-terminal (pty(7)) that belongs to `owner`. Mounts devpts where a guest has none.
/// Errors: those of the operating system.
[[nodiscard]] sdk::Result<Terminal> open_terminal(WindowSize size, uid_t owner);

void set_window_size(int master, WindowSize size);

/// In the child, after setsid: makes the terminal on `slave` the controlling one.
void adopt_terminal(int slave);

/// The character that means end of file on this terminal now; 0 when it is in raw mode and nothing does.
[[nodiscard]] char end_of_file_character(int master);

}  // namespace banger::agent
