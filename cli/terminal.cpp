// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace banger::cli {

bool is_terminal(int descriptor)
{
    return ::isatty(descriptor) == 1;
}

TerminalSize terminal_size(int descriptor)
{
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return {};
    return {size.ws_col, size.ws_row};
}

bool wants_colour(int descriptor)
{
    const char* never = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    if (never != nullptr && *never != '\0')
        return false;
    const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
    return is_terminal(descriptor) && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

void fill_standard_descriptors()
{
    for (int descriptor = 0; descriptor <= 2; ++descriptor)
        if (::fcntl(descriptor, F_GETFD) < 0)
            (void)!::open("/dev/null", descriptor == 0 ? O_RDONLY : O_WRONLY);  // open takes the lowest free number
}

RawTerminal::RawTerminal(int descriptor) : descriptor_(descriptor)
{
    active_ = ::tcgetattr(descriptor_, &before_) == 0;
    enter();
}

RawTerminal::~RawTerminal()
{
    if (active_)
        ::tcsetattr(descriptor_, TCSADRAIN, &before_);
}

void RawTerminal::enter()
{
    if (!active_)
        return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(descriptor_, TCSADRAIN, &raw);  // not FLUSH: what was typed ahead is meant for the guest
}

}  // namespace banger::cli
