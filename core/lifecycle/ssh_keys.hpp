// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"
#include "guest/protocol/configure_messages.hpp"

namespace banger::lifecycle {

/// Makes a VM's own ssh host key in its directory, and the known_hosts file that pins it. Needs ssh-keygen.
sdk::Result<void> make_host_key(const std::string& vm_directory, const std::string& alias);
sdk::Result<agent::Configuration::HostKey> read_host_key(const std::string& vm_directory);

/// Makes, once per installation, the key pair that guests let in. Never touches the user's own keys. One caller at a time.
sdk::Result<void> make_client_key(const std::string& state_directory);
sdk::Result<std::string> client_public_key(const std::string& state_directory);

std::string client_key_path(const std::string& state_directory);
std::string known_hosts_path(const std::string& vm_directory);
/// What ssh calls the VM instead of an address, so that a reused address never meets an old key.
std::string host_alias(const std::string& vm_id);

}  // namespace banger::lifecycle
