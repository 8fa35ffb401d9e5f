// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/scope.hpp"

#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "core/doctor/control_group.hpp"
#include "core/units/service_manager.hpp"

namespace banger::daemon {

sdk::Result<void> leave_service(const std::string& purpose)
{
    auto groups = sdk::os::read_file("/proc/self/cgroup", 65536);
    if (!groups || !doctor::service_in(*groups))
        return {};
    auto manager = units::ServiceManager::connect();
    if (!manager)
        return std::move(manager).error();
    return manager->start_scope(purpose + "-" + std::to_string(::getpid()) + ".scope", purpose + " and its machines");
}

}  // namespace banger::daemon
