// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace banger::images::testing {

/// Every path below a directory with all that can be seen of it: kind, mode, owner, time, content, holes, target,
/// device numbers, extended attributes, and the first path of the same inode.
using TreeSnapshot = std::map<std::string, std::string>;

TreeSnapshot snapshot_of(const std::string& directory);
/// The paths that differ, with both descriptions; at most ten.
std::vector<std::string> differences(const TreeSnapshot& expected, const TreeSnapshot& found);

/// Makes a tree with one of everything that a file system can hold in `directory`. Needs root.
void make_odd_tree(const std::string& directory);

}  // namespace banger::images::testing
