// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::tap {

/// Carries out commands of nft(8), all or none of them (libnftables); what they print. Threads: any.
sdk::Result<std::string> run_nft(const std::string& commands);

/// Of what "list chains" prints, the one that drops what the host forwards unless a rule lets it through, as "ip filter
/// FORWARD": what Docker and others do. No rule of ours can change that, for accepting in one table is not accepting in all.
std::optional<std::string> chain_that_drops(std::string_view chains);

}  // namespace banger::tap
