// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace banger::images::testing {

/// Every path below a directory with all that can be seen of it: kind, mode, owner, time, content, holes, target,
/// device numbers, extended attributes, and the first path of the same inode.
using TreeSnapshot = std::map<std::string, std::string>;

/// Whether holes are part of a file, or merely zeros: tools that know none write them out.
enum class Holes { shown, as_zeros };

TreeSnapshot snapshot_of(const std::string& directory, Holes holes = Holes::shown);
/// The paths that differ, with both descriptions; at most ten.
std::vector<std::string> differences(const TreeSnapshot& expected, const TreeSnapshot& found);

/// What an odd tree has that not every tool can take.
struct OddTree {
    bool long_sparse_file = true;  ///< 5 GiB with little in it
};

/// Makes a tree with one of everything that a file system can hold in `directory`. Needs root.
void make_odd_tree(const std::string& directory, const OddTree& parts = {});

}  // namespace banger::images::testing
