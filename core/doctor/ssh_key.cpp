// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/check.hpp"
#include "core/lifecycle/client_key.hpp"

namespace banger::doctor {

// Whether machines will let us in.
std::vector<Finding> check_ssh_key(lifecycle::Engine& engine, lifecycle::Operation&)
{
    constexpr const char* check_name = "ssh key";
    const std::string path = lifecycle::client_key_path(engine);
    const auto line = lifecycle::client_public_key(engine);
    if (line)
        return {{check_name, Status::ok, path, {}}};
    if (engine.config.daemon.ssh_key_path.value.empty() && line.error().code == sdk::Code::not_found)
        return {{check_name, Status::ok, path + " is made with the first machine", {}}};
    return {{check_name, Status::failed, line.error().message, line.error().hint}};
}

}  // namespace banger::doctor
