// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/check.hpp"

namespace banger::doctor {

std::string_view to_string(Status status)
{
    switch (status) {
    case Status::ok: return "ok";
    case Status::warning: return "warning";
    case Status::failed: return "failed";
    }
    return "failed";
}

std::vector<Finding> run_all(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    std::vector<Finding> findings;
    for (const Check check :
         {check_providers, check_plugins, check_programs, check_ssh_key, check_database, check_disk_space,
          check_control_group, check_sizes, check_teardowns, check_names})
        for (auto& finding : check(engine, operation))
            findings.push_back(std::move(finding));
    return findings;
}

}  // namespace banger::doctor
