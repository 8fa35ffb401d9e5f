// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/arguments.hpp"

namespace banger::cli {

/// --zone, of verbs that ssh calls with the name of a host.
Option zone_option();

/// The machine that a host's name is of: web of web.vm and api.web.vm in the zone vm. What is not below the zone stays.
std::string vm_of_host(const std::string& host, const std::string& zone);

}  // namespace banger::cli
