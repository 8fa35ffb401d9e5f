// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "cli/workspace/working_tree.hpp"
#include "guest/tree/stamp.hpp"

namespace banger::workspace {

/// What a file that changed on both sides is called beside the host's, in the guest's version; or a directory, where one
/// side has a file and the other one a directory.
inline constexpr const char* conflict_ending = ".guest-conflict";

/// The name that a copy stands for: "a" of "a.guest-conflict" and of "a.guest-conflict/b"; else the name itself.
[[nodiscard]] std::string name_behind_copy(const std::string& name);

/// The files that changed on both sides, each with the guest's version of that time: a Stamp of nothing but zeros where
/// the guest had none. One is open as long as the copy beside it, or beside a directory above it, is there.
/// Threads: one.
class Conflicts {
public:
    /// Takes those of an earlier sync. What no guest may have for a name is left out.
    void remember(tree::Stamps known);
    void add(const std::string& name, const tree::Stamp& there);
    /// Forgets those with other names.
    void retain(const std::set<std::string>& names);

    [[nodiscard]] static bool is_open(const WorkingTree& here, const std::string& name);
    /// Those that are open no more. They are forgotten by this.
    [[nodiscard]] tree::Stamps take_settled(const WorkingTree& here);

    [[nodiscard]] const tree::Stamps& all() const { return all_; }
    /// Whether they are others than at the last call of this.
    [[nodiscard]] bool take_changed();

private:
    tree::Stamps all_;
    bool changed_ = false;
};

}  // namespace banger::workspace
