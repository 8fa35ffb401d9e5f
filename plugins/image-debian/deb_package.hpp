// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "banger/sdk/host.hpp"

namespace banger::debian {

/// Where a file of a package goes: gets its path in the package ("boot/vmlinuz-6.1.0"), gives the path to write, or
/// nothing to leave it out.
using Destination = std::function<std::string(const std::string&)>;

/// Unpacks regular files of a Debian package (deb(5): an ar archive whose member data.tar.* holds the files), with
/// their modes and times; makes the directories they need. `corrupt` if it is no package or a path in it leads outside;
/// on any error what was written stays.
sdk::Result<void> unpack_deb(const std::string& path, const Destination& destination, const sdk::Call& call);

}  // namespace banger::debian
