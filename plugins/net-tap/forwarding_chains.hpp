// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace banger::tap {

/// Of what `nft list ruleset` prints, the chain that drops what the host forwards unless a rule lets it through, as "ip
/// filter FORWARD": what Docker and others do by a policy, firewalld by a last rule without a condition. No rule of ours can
/// change that, for accepting in one table is not accepting in all. Tables of banger's own are left out.
std::optional<std::string> chain_that_drops(std::string_view ruleset);

}  // namespace banger::tap
