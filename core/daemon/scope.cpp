// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/scope.hpp"

#include <unistd.h>

#include "core/base/control_group.hpp"
#include "core/units/service_manager.hpp"

namespace banger::daemon {

sdk::Result<void> leave_service(const std::string& purpose)
{
    const auto group = base::group_of(::getpid());
    if (!group || !base::service_in(*group))
        return {};
    auto manager = units::ServiceManager::connect();
    if (!manager)
        return std::move(manager).error();
    return manager->start_scope({purpose + "-" + std::to_string(::getpid()) + ".scope", purpose, {::getpid()}});
}

}  // namespace banger::daemon
