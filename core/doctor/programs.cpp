// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/process.hpp"
#include "core/doctor/check.hpp"

namespace banger::doctor {

// Programs that core itself runs; what plugins need, their probes say.
std::vector<Finding> check_programs(lifecycle::Engine&, lifecycle::Operation&)
{
    std::vector<Finding> findings;
    for (const auto& [program, use] : {std::pair{"ssh-keygen", "every vm's own host key"}, {"ssh", "`banger vm ssh`"}}) {
        auto found = sdk::os::find_program(program);
        if (found)
            findings.push_back({program, Status::ok, *found, {}});
        else
            findings.push_back({program, Status::failed, std::string(program) + " is missing; it is needed for " + use,
                                "apt install openssh-client"});
    }
    return findings;
}

}  // namespace banger::doctor
