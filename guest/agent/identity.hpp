// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "guest/protocol/configure_messages.hpp"

namespace banger::agent {

/// Who has the identity so far: nobody (a guest that starts), or another guest whose copy this is.
enum class Before { nobody, another };

/// Sets the time of day to what it was when the host wrote the configuration: to be done before anything that takes time.
void set_clock(std::int64_t nanoseconds);

/// Makes the guest the one that is configured: random pool, host name, machine id, and ssh (sshd.hpp). Errors: those of
/// writing the files.
[[nodiscard]] sdk::Result<void> apply_identity(const Configuration& configuration, Before before);

/// /etc/hosts with one line for 127.0.1.1 that names the host.
[[nodiscard]] std::string hosts_with_name(const std::string& existing, const std::string& hostname);

/// RFC 4648; characters outside the alphabet are skipped.
[[nodiscard]] std::string decode_base64(std::string_view text);

}  // namespace banger::agent
