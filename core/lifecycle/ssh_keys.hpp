// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"
#include "guest/protocol/configure_messages.hpp"

namespace banger::lifecycle {

/// Makes an ed25519 key without a passphrase (0600) and its other half, `path` + ".pub". Needs ssh-keygen.
[[nodiscard]] sdk::Result<void> make_ssh_key(const std::string& path, const std::string& comment);

/// The public half of a private key, as a line of authorized_keys, of the key itself and not of a file beside it. An error
/// with ssh-keygen's words if it is none, or has a passphrase.
[[nodiscard]] sdk::Result<std::string> public_half(const std::string& path);

/// Without its end.
[[nodiscard]] std::string first_line(const std::string& text);

/// Makes a VM's own ssh host key in its directory, and the known_hosts file that pins it. Needs ssh-keygen.
sdk::Result<void> make_host_key(const std::string& vm_directory, const std::string& alias);
sdk::Result<agent::Configuration::HostKey> read_host_key(const std::string& vm_directory);

std::string known_hosts_path(const std::string& vm_directory);
/// What ssh calls the VM instead of an address, so that a reused address never meets an old key.
std::string host_alias(const std::string& vm_id);

}  // namespace banger::lifecycle
