// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace banger::agent {
namespace {

constexpr gid_t tty_group = 5;

int open_master()
{
    return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/// A guest without an init, or one whose init has not come so far, has no devpts yet.
void mount_devpts()
{
    mkdir("/dev/pts", 0755);
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
}

}  // namespace

sdk::Result<Terminal> open_terminal(WindowSize size, uid_t owner)
{
    Terminal terminal{sdk::os::UniqueFd(open_master()), {}};
    if (!terminal.master) {
        mount_devpts();
        terminal.master.reset(open_master());
    }
    if (!terminal.master)
        return sdk::os_error("open a terminal");
    const int unlocked = 0;
    if (ioctl(terminal.master.get(), TIOCSPTLCK, &unlocked) != 0)
        return sdk::os_error("unlock a terminal");
    // By descriptor and not by name: no path of the guest is involved (Linux 4.13).
    terminal.slave.reset(ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal.slave)
        return sdk::os_error("open a terminal");
    if (geteuid() == 0 && fchown(terminal.slave.get(), owner, tty_group) != 0)
        return sdk::os_error("give a terminal to its user");
    if (size.columns != 0 && size.rows != 0)
        set_window_size(terminal.master.get(), size);
    return terminal;
}

void set_window_size(int master, WindowSize size)
{
    winsize window{};
    window.ws_col = size.columns;
    window.ws_row = size.rows;
    ioctl(master, TIOCSWINSZ, &window);
}

void adopt_terminal(int slave)
{
    ioctl(slave, TIOCSCTTY, 0);
}

char end_of_file_character(int master)
{
    termios mode{};
    if (tcgetattr(master, &mode) != 0 || (mode.c_lflag & ICANON) == 0)
        return 0;
    return static_cast<char>(mode.c_cc[VEOF]);
}

}  // namespace banger::agent
