// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/check.hpp"

namespace banger::doctor {

// Plugins that cannot be used, selected or not.
std::vector<Finding> check_plugins(lifecycle::Engine& engine, lifecycle::Operation&)
{
    std::vector<Finding> findings;
    std::size_t sound = 0;
    for (const auto& plugin : engine.registry.list()) {
        if (plugin.problem)
            findings.push_back({"plugin " + plugin.id, Status::warning, plugin.problem->message, plugin.problem->hint});
        else
            ++sound;
    }
    for (const auto& complaint : engine.registry.complaints())
        findings.push_back({"plugins", Status::warning, complaint.message, complaint.hint});
    findings.insert(findings.begin(), {"plugins", Status::ok, std::to_string(sound) + " can be used", {}});
    return findings;
}

}  // namespace banger::doctor
