// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "banger/sdk/os/fd.hpp"

namespace banger::agent {

/// The kernel's announcements of devices (NETLINK_KOBJECT_UEVENT), as a way to wait for one without polling.
class Uevents {
public:
    Uevents();

    /// Blocks until `arrived` says yes; it is asked now and after each announcement. False when `limit` has passed.
    bool wait(const std::function<bool()>& arrived, std::chrono::milliseconds limit);

private:
    sdk::os::UniqueFd socket_;
};

}  // namespace banger::agent
