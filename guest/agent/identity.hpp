// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/protocol/configure_messages.hpp"

namespace banger::agent {

/// Makes the guest the one that is configured: random pool, clock, host name, machine id, keys. Works on a guest that
/// runs as well as on one that has not started. Errors: those of writing the files.
[[nodiscard]] sdk::Result<void> apply_identity(const Configuration& configuration);

[[nodiscard]] bool has_sshd();

/// Lines of `existing` with those of `wanted` that it lacks; nothing else changes.
[[nodiscard]] std::string merge_lines(std::string existing, const std::vector<std::string>& wanted);

/// /etc/hosts with one line for 127.0.1.1 that names the host.
[[nodiscard]] std::string hosts_with_name(const std::string& existing, const std::string& hostname);

/// RFC 4648; characters outside the alphabet are skipped.
[[nodiscard]] std::string decode_base64(std::string_view text);

}  // namespace banger::agent
