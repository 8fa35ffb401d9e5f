// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guest/tree/stamp.hpp"

namespace banger::workspace {

/// What one round of a sync has to do, by name.
struct SyncPlan {
    std::vector<std::string> send;
    std::vector<std::string> remove;     ///< gone here
    std::vector<std::string> forget;     ///< still here, and no longer git's business: left alone from now on
    [[nodiscard]] bool empty() const { return send.empty() && remove.empty() && forget.empty(); }
};

/// The stamp that a file of the host has now; nothing if it is gone.
using LookUp = std::function<std::optional<tree::Stamp>(const std::string& name)>;

/// Brings `agreed`, which is what the guest was sent, to the files in `names`, which are all that git considers.
[[nodiscard]] SyncPlan plan_all(const tree::Stamps& agreed, const std::set<std::string>& names, const LookUp& look_up);

/// The same for some files: those in `names` and, where a name was or is a directory, those below it in `agreed`. What
/// is not in `agreed` goes only if `goes` has it.
[[nodiscard]] SyncPlan plan_some(const tree::Stamps& agreed, const std::set<std::string>& names,
                                 const std::set<std::string>& goes, const LookUp& look_up);

/// The directories above removed files that `is_directory` no longer finds here, innermost first.
[[nodiscard]] std::vector<std::string> emptied_directories(const std::vector<std::string>& removed,
                                                           const std::function<bool(const std::string&)>& is_directory);

}  // namespace banger::workspace
