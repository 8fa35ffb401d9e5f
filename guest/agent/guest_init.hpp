// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// Which program becomes the guest's process 1.
struct GuestInit {
    std::string kind;  ///< systemd, openrc, s6, banger, or the path
    std::string path;  ///< empty: the minimal init of ours
};

/// Looks at the file system under / and decides. `wish` is auto, image or banger. Auto takes the image's init only when
/// it can work: systemd, an OpenRC with its binaries, or an s6-style /init. Errors: not_found (image wished, none
/// there).
[[nodiscard]] sdk::Result<GuestInit> choose_init(const std::string& wish, const std::string& root = "");

/// Has the scripts of sysvinit and OpenRC in Debian, which end all processes before they unmount, leave this one alone:
/// for one that stays they wait ten seconds. sendsigs(8) of initscripts, /run/sendsigs.omit.d.
void outlive_shutdown();

/// True on a machine without a power-off, whose VMM ends when the guest restarts (kernel command line:
/// banger.off=reboot): such a guest is stopped by restarting it.
[[nodiscard]] bool ends_by_reboot();

}  // namespace banger::agent
