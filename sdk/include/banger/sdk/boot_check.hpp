// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "banger/sdk/vmm.hpp"

namespace banger::sdk {

/// What every vmm/0 provider asks of a boot before it starts anything, so that a user reads the same words of all.

/// Of ASCII letters, digits, '-' and '_', one at least and `longest` at most: goes into names and options as it is.
[[nodiscard]] bool is_word(const std::string& text, std::size_t longest);

/// Six pairs of hexadecimal digits with colons between them.
[[nodiscard]] bool is_mac(const std::string& text);

[[nodiscard]] std::uint64_t host_memory_mib();

/// Whether this host has the memory, and its kernel, initramfs and disks can be opened as they will be. A VMM would say it
/// too, but after its start and in its own words. Errors: invalid for memory, and those of open(2).
[[nodiscard]] Result<void> check_host(const BootSpec& spec);

}  // namespace banger::sdk
