// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/context.hpp"
#include "cli/dns_route.hpp"

namespace banger::cli {

/// The daemon's installation, and where it answers for names.
struct Installation {
    std::string instance;
    std::string state;  ///< its directory of state
    NameServer names;
};
sdk::Result<Installation> find_installation(Context& context);

/// What can be known of it without a daemon: whoever undoes something needs none, and starts none.
struct InstallationOnDisk {
    std::string instance;  ///< empty: there has never been one
    std::string state;
};
sdk::Result<InstallationOnDisk> installation_on_disk();

/// Settings for ssh, which users' own include; in an installation's directory of state.
std::string ssh_settings_file(const std::string& state);

}  // namespace banger::cli
