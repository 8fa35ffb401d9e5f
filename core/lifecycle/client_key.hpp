// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::lifecycle {

struct Engine;
class Operation;

/// The ssh key that guests let in, one for an installation: the one that `daemon.ssh_key_path` names, which is only read, or
/// banger's own (ed25519), beside config.toml. Where an earlier banger made it in the state directory, that one is used on.
[[nodiscard]] std::string client_key_path(const Engine& engine);

/// The same path, once the key can be used: banger's own is made if it is not there, and its other half from it; callers
/// join. One that others can read is closed to them, and one that ssh-keygen cannot use stays, as id_ed25519.unusable, beside
/// the new one.
/// Needs ssh-keygen. `not_found`, `permission` or `invalid`, beginning with the setting's file and line, for one of
/// `daemon.ssh_key_path` that is not there, that others can read or we cannot, or that is no key or locked with a passphrase.
[[nodiscard]] sdk::Result<std::string> client_key(Engine& engine, Operation& operation);

/// A line of authorized_keys (sshd(8)). The errors of client_key; `not_found` before that made it.
[[nodiscard]] sdk::Result<std::string> client_public_key(const Engine& engine);

}  // namespace banger::lifecycle
