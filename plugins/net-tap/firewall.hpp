// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::tap {

/// Carries out commands of nft(8), all or none of them (libnftables); what they print. Threads: any.
sdk::Result<std::string> run_nft(const std::string& commands);

/// The rules of this network namespace, and whether anybody but us has changed some since those that all guests share were
/// restored: the kernel counts changes (NFT_MSG_GETGEN), and looking at that number costs next to nothing.
///
/// Threads: any.
class Firewall {
public:
    /// As run_nft.
    sdk::Result<void> run(const std::string& commands);
    /// Whether the rules may be others than those that `wanted` describes: restore() is needed.
    [[nodiscard]] bool needs(const std::string& wanted) const;
    /// Makes them so: `commands` do that whatever is there.
    sdk::Result<void> restore(const std::string& wanted, const std::string& commands);
    /// As run, of commands behind which they are gone.
    sdk::Result<void> remove(const std::string& commands);

private:
    sdk::Result<void> run_from(std::optional<std::uint32_t> expected, const std::string& commands);

    mutable std::mutex mutex_;
    std::optional<std::uint32_t> good_;  ///< the kernel's number for what we left
    std::string wanted_;                 ///< what that has
};

/// Of what "list chains" prints, the one that drops what the host forwards unless a rule lets it through, as "ip filter
/// FORWARD": what Docker and others do. No rule of ours can change that, for accepting in one table is not accepting in all.
std::optional<std::string> chain_that_drops(std::string_view chains);

}  // namespace banger::tap
