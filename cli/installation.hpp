// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
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

/// The same as its files have it, for whoever takes something back: starts no daemon, makes nothing, and says nothing of names.
/// None where there is no installation yet.
sdk::Result<std::optional<Installation>> installation_on_disk();

}  // namespace banger::cli
