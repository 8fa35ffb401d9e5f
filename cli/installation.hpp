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

}  // namespace banger::cli
