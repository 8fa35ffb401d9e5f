// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"
#include "core/config/config.hpp"

/// What the values of a [[file_sync]] table may be. Each check gives the value as it is meant; its error is `invalid`,
/// and its message only says why, for whoever names the setting in front of it.
namespace banger::config {

/// The plugin that carries these settings out.
inline constexpr std::string_view file_sync_plugin = "file-sync";

/// A path on the host: absolute, or below the user's home as "~/...".
[[nodiscard]] sdk::Result<std::string> sync_host_of(const std::string& written);

/// A path in the guest: "/root" or below it, where "~/" is /root/ too. "." and empty parts go; ".." is refused.
[[nodiscard]] sdk::Result<std::string> sync_guest_of(const std::string& written);

/// Permission bits as four octal digits, from one to four of them: "600" is "0600". At most 0777.
[[nodiscard]] sdk::Result<std::string> file_mode_of(const std::string& written);

/// What the plugin is configured with: {"files": [{"host", "guest", "mode"}], "git_identity": bool}, no mode where none
/// was given.
[[nodiscard]] PluginSection file_sync_section(const Config& config);

}  // namespace banger::config
