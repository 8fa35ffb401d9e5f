// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"
#include "guest/protocol/configure_messages.hpp"

namespace banger::lifecycle {

struct Engine;
class Operation;

/// Makes a VM's own ssh host key in its directory, and the known_hosts file that pins it. Needs ssh-keygen.
sdk::Result<void> make_host_key(const std::string& vm_directory, const std::string& alias);
sdk::Result<agent::Configuration::HostKey> read_host_key(const std::string& vm_directory);

/// The path of the private key that guests let in, made with its other half once per installation; callers join. Never
/// touches the user's own keys.
sdk::Result<std::string> client_key(Engine& engine, Operation& operation);
sdk::Result<std::string> client_public_key(const std::string& state_directory);

std::string client_key_path(const std::string& state_directory);
std::string known_hosts_path(const std::string& vm_directory);
/// What ssh calls the VM instead of an address, so that a reused address never meets an old key.
std::string host_alias(const std::string& vm_id);

}  // namespace banger::lifecycle
