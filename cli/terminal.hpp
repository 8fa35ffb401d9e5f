// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <termios.h>

#include <cstdint>

namespace banger::cli {

struct TerminalSize {
    std::uint16_t columns = 80;
    std::uint16_t rows = 24;
};

bool is_terminal(int descriptor);

/// What the terminal says of its size, else the classic 80 by 24.
TerminalSize terminal_size(int descriptor);

/// Whether coloured text may be written there: a terminal that is not "dumb", and no NO_COLOR (https://no-color.org).
bool wants_colour(int descriptor);

/// Opens /dev/null where standard input, output or error is closed, so that no other file lands on their numbers.
void fill_standard_descriptors();

/// A terminal without line editing, echo and signal keys: every byte goes to the guest. Put back on destruction.
class RawTerminal {
public:
    /// Leaves anything but a terminal alone.
    explicit RawTerminal(int descriptor);
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

    /// Makes it raw again after somebody else changed it, as a shell does to a job it continues.
    void enter();

private:
    int descriptor_;
    bool active_ = false;
    termios before_{};
};

}  // namespace banger::cli
