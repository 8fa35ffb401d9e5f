// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/host_name.hpp"

namespace banger::cli {

Option zone_option()
{
    return {"zone", 0, "DOMAIN", "VM is the name of a host below this domain", {}, false};
}

std::string vm_of_host(const std::string& host, const std::string& zone)
{
    const std::string suffix = "." + zone;
    if (zone.empty() || !host.ends_with(suffix))
        return host;
    const std::string name = host.substr(0, host.size() - suffix.size());
    return name.substr(name.rfind('.') + 1);
}

}  // namespace banger::cli
