// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

#include "banger/sdk/jail.hpp"

namespace banger::privd {

/// Whose rights over files a process takes on while it looks at what somebody named.
struct FileRights {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;
};

/// Makes a root directory of nothing but these files in a mount namespace of this process's own, and moves in: the host's is
/// gone from here. Each file is opened with the user's rights, without following a symbolic link, and what was opened is what
/// is there; all but the writable ones are read-only. Everything ends with the last process in it.
///
/// Returns the groups of the user's by which he may use a device among the files. This process has one thread, is root and
/// has CAP_SYS_ADMIN. On error it has to end.
[[nodiscard]] sdk::Result<std::set<gid_t>> enter_room(const std::vector<sdk::JailedFile>& files,
                                                      const FileRights& rights);

}  // namespace banger::privd
