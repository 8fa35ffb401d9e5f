// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// The root helper, banger-privd, on a host, and how one speaks with it (docs/system.md). There is one at most, so its places
/// are the same for everybody.
///
/// It speaks JSON-RPC as the daemon does. A method is a kind and a verb of its interface, such as "storage/0 attach"; its
/// parameters are:
///
///     protocol                     protocol_version
///     name                         the provider's, such as "dm"
///     instance, vms_directory      of the installation that asks: sdk::Host
///     spec | handle | owner, role | layer
///
/// What a call tells while it runs comes as notifications "progress" and "warning"; the notification "cancel" ends it.
/// status_method needs the protocol only, and answers {"pid", "version", "build", "protocol", "user", "installations":
/// [{"instance", "vms_directory", "disks", "links"}]}: what each has in the kernel now. Those of jails and scopes have no
/// name, and are of sdk::Jails and units::Scopes what their words say. A helper that does not know a method answers `invalid`.
namespace banger::rpc::helper {

inline constexpr const char* socket = "/run/banger-privd.sock";
inline constexpr const char* program_directory = "/usr/local/lib/banger-privd";
inline constexpr const char* config_file = "/etc/banger/privd.toml";
inline constexpr const char* state_directory = "/var/lib/banger-privd";
inline constexpr const char* unit = "banger-privd";  ///< of systemd: a .socket and a .service

/// Changes whenever a daemon and a helper of different builds would misunderstand each other.
inline constexpr int protocol_version = 2;

inline constexpr std::string_view status_method = "helper status";
inline constexpr std::string_view probe_jails_method = "jail probe";
inline constexpr std::string_view start_jailed_method = "jail start";
inline constexpr std::string_view probe_scopes_method = "scope probe";
inline constexpr std::string_view start_scope_method = "scope start";

}  // namespace banger::rpc::helper
