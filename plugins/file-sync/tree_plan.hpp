// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/provisioner.hpp"
#include "config.hpp"

namespace banger::file_sync {

/// One thing that goes into the guest.
struct Item {
    sdk::GuestEntry::Type type = sdk::GuestEntry::Type::file;
    std::string source;  ///< below Plan::top, without links on the way; empty: that directory itself
    std::string guest;   ///< where it goes
    std::uint32_t mode = 0;
    std::string target;  ///< of a link
    std::uint64_t size = 0;
};

/// What one entry of the configuration brings, found out without touching the guest.
struct Plan {
    std::string top;                    ///< a directory of the host, by its real path
    std::vector<Item> items;            ///< a directory before what is in it; else by name
    std::vector<std::string> warnings;  ///< what is left out, one sentence each
};

/// Looks at what the entry names. A host path that is not there makes a plan of one warning.
///
/// The path itself may lead through links, also out of the home: whoever wrote it meant what it leads to. Inside a
/// directory no link is followed: one that leads to a place in that directory goes along as a link, and says the same
/// there, also where it was absolute; one that leads elsewhere is left out with a warning. So are sockets, named pipes
/// and devices. Files get the entry's mode, else 0600 for a file that was named itself and their own for those in a
/// directory; directories keep theirs. Of modes only permission bits count.
///
/// Errors: what may not be read; `invalid` for a path that is neither file nor directory; `cancelled`.
[[nodiscard]] sdk::Result<Plan> plan(const Entry& entry, const std::string& home, const sdk::Call& call);

/// Opens the file of an item to read it, and nothing else: links that appeared since are not followed either.
/// `not_found` if it is gone, `invalid` if it is no regular file any more.
[[nodiscard]] sdk::Result<sdk::os::UniqueFd> open_source(const Plan& plan, const Item& item);

}  // namespace banger::file_sync
