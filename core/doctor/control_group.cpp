// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/control_group.hpp"

#include "banger/sdk/os/file.hpp"
#include "core/doctor/check.hpp"

namespace banger::doctor {
namespace {

// Version 2's line, or the hierarchy that systemd keeps for itself beside version 1.
bool is_systemds(std::string_view line)
{
    return line.starts_with("0::") || line.find(":name=systemd:") != std::string_view::npos;
}

std::optional<std::string> service_in_path(std::string_view path)
{
    while (!path.empty()) {
        const auto slash = path.rfind('/');
        const auto part = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
        if (part.ends_with(".service") && !part.starts_with("user@"))
            return std::string(part);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> service_in(std::string_view cgroup_file)
{
    while (!cgroup_file.empty()) {
        const auto line = cgroup_file.substr(0, cgroup_file.find('\n'));
        cgroup_file.remove_prefix(std::min(line.size() + 1, cgroup_file.size()));
        if (is_systemds(line))
            if (auto service = service_in_path(line))
                return service;
    }
    return std::nullopt;
}

// Whether what the daemon starts outlives whoever started the daemon (docs/decisions/0015).
std::vector<Finding> check_control_group(lifecycle::Engine& /*engine*/, lifecycle::Operation& /*operation*/)
{
    const auto text = sdk::os::read_file("/proc/self/cgroup", 65536);
    const auto service = text ? service_in(*text) : std::nullopt;
    if (!service)
        return {};
    return {{"control group", Status::warning,
             "the daemon and its machines belong to " + *service + ", and are killed when that is stopped",
             "no service manager gave them a scope of their own (`banger daemon logs` says why): start the daemon outside "
             "of the service before machines are made, or set KillMode=process in its unit"}};
}

}  // namespace banger::doctor
