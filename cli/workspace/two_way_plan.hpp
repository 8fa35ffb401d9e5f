// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guest/tree/stamp.hpp"

namespace banger::workspace {

/// What both sides were when they last agreed on a file.
struct Agreement {
    std::optional<tree::Stamp> here;   ///< nothing: not there
    std::optional<tree::Stamp> there;  ///< nothing, with a `here`: as it arrives from here (see is_as_sent)
};
using Agreements = std::map<std::string, Agreement>;

/// A file on both sides now; nothing where it is not there.
struct Sides {
    std::optional<tree::Stamp> here;
    std::optional<tree::Stamp> there;
};

/// What a round of a sync in both directions has to do, by name.
struct TwoWayPlan {
    std::vector<std::string> send;
    std::vector<std::string> receive;
    std::vector<std::string> remove_there;
    std::vector<std::string> remove_here;
    std::vector<std::string> compare;  ///< changed on both sides: a conflict, unless they are the same by now
    std::vector<std::string> forget;   ///< gone on both sides
};

/// Whether the guest's file may be the one that went to it, or came from it, when ours had this stamp: on its way a time
/// loses what is no whole second, and permissions lose set-id bits (guest/tree/packer.hpp, unpacker.hpp).
[[nodiscard]] bool is_as_sent(const tree::Stamp& here, const tree::Stamp& there);

/// A side that did not change gives way to the one that did. A deletion gives way to a change: the file comes back.
[[nodiscard]] TwoWayPlan plan_two_way(const Agreements& agreed, const std::map<std::string, Sides>& sides);

/// Where one side has a file and the other one a directory with files, and both changed since: by the name of the file,
/// those of all that is in question, which the plan has no longer.
[[nodiscard]] std::map<std::string, std::vector<std::string>> take_collisions(TwoWayPlan& plan);

/// A name that a guest may have for a file of ours: relative, without "." and "..", nothing of git's own, and not that
/// of a conflict's copy or in one.
[[nodiscard]] bool may_come(const std::string& name);

}  // namespace banger::workspace
