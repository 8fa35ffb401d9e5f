// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// What OpenSSH needs to know of machines: every name below the zone is reached through the agent, with banger's key, and its
/// host key is the one that banger gave it. No machine is named, so nothing is to be kept up with them.
/// KnownHostsCommand (ssh_config(5)) is there since OpenSSH 8.5.
std::string ssh_settings(const std::string& program, const std::string& zone, const std::string& identity);

/// Puts an Include of `settings` in front of what is in `file`, ~/.ssh/config, between two lines that say whose it is; a
/// link is followed. There already is success. The rest stays byte for byte, and so does the file's mode.
/// `corrupt` if one of the two lines is there without the other.
sdk::Result<void> include_in(const std::string& file, const std::string& settings, const std::string& instance);

/// Instances of other installations whose settings are included there, too.
sdk::Result<std::vector<std::string>> others_included_in(const std::string& file, const std::string& instance);

/// Takes it out again. Whether it was there.
sdk::Result<bool> exclude_from(const std::string& file, const std::string& instance);

}  // namespace banger::cli
