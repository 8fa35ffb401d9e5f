// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::daemon {

/// Moves this process, with all that it starts from now on, from the systemd service it was started in into a transient scope
/// of its own, so that it outlives the service (org.freedesktop.systemd1(5), StartTransientUnit; docs/decisions/0015). Asks
/// the system's manager as root and the user's own otherwise, and waits up to 5 s for it. Does nothing outside services.
/// `purpose` is in the scope's name and its description.
/// Errors: unavailable where no manager can be asked or it refuses; the process is then where it was.
sdk::Result<void> leave_service(const std::string& purpose);

}  // namespace banger::daemon
