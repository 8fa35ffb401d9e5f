// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::tap {

/// Of what nf_tables did not let us do, such as "change the firewall": `permission`, for want of the right, or `unsupported`.
sdk::Error firewall_refused(const std::string& doing, const std::string& said, bool by_right);
/// The same, as libnl has it: a negative NLE_ number.
sdk::Error firewall_refused(const std::string& doing, int status);

}  // namespace banger::tap
