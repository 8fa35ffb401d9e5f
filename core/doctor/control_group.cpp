// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "core/base/control_group.hpp"
#include "core/doctor/check.hpp"

namespace banger::doctor {

// Whether what the daemon starts outlives whoever started the daemon
// (docs/decisions/0015-whose-control-group.md).
std::vector<Finding> check_control_group(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    const std::string name = "control group";
    const auto group = base::group_of(::getpid()).value_or("");
    if (engine.scopes == nullptr || group.find_first_not_of('/') == std::string::npos)
        return {};  // no systemd that would end anything, or give anything
    const auto maker = engine.scopes->probe(operation);
    if (maker)
        return {{name, Status::ok, "each vm gets a scope of its own from " + *maker + ", which ends with the vm alone", ""}};
    const std::string why = ": " + maker.error().message;
    const auto service = base::service_in(group);
    if (!service)
        return {{name, Status::ok, "vms stay in the daemon's control group, " + group + ", and end with that" + why, ""}};
    return {{name, Status::warning,
             "the daemon and its machines belong to " + *service + ", and are killed when that is stopped" + why,
             "no service manager gave them a scope of their own (`banger daemon logs` says why): start the daemon outside "
             "of the service before machines are made, or set KillMode=process in its unit"}};
}

}  // namespace banger::doctor
