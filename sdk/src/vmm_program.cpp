// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/vmm_program.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/process.hpp"

namespace banger::sdk {

Result<std::string> vmm_program(const std::string& configured, const std::string& key, const std::string& install_hint)
{
    if (configured.find('/') == std::string::npos) {
        auto found = os::find_program(configured);
        return found ? std::move(found) : std::move(found).error().with_hint(install_hint);
    }
    if (::access(configured.c_str(), X_OK) == 0)
        return configured;
    return os_error("run " + configured).with_hint("check " + key + " in the configuration");
}

Result<std::string> identity_of_program(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return os_error("look at " + path);
    return path + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) + " " +
           std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

}  // namespace banger::sdk
