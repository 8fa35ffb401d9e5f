// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::base {

/// Random lower-case hex digits, two per byte, from getrandom(2).
[[nodiscard]] std::string random_hex(std::size_t bytes);

[[nodiscard]] std::string new_instance_id();  ///< 8 hex digits: one banger installation
[[nodiscard]] std::string new_vm_id();        ///< 12 hex digits: one virtual machine
[[nodiscard]] bool is_vm_id(std::string_view text);

/// An adjective and an animal, such as "brave-otter": a valid name for which `taken` is false. After many that were
/// taken it gains a number, so it always ends.
[[nodiscard]] std::string new_vm_name(const std::function<bool(const std::string&)>& taken);

/// A VM's name is one DNS label as hosts use them (RFC 1123 section 2.1): 1 to 63 of a-z, 0-9 and '-', with a letter or
/// digit at both ends. Upper case is refused rather than folded, and so are digits alone, which programs take for an
/// IPv4 address (inet_aton(3)); twelve hex digits are refused since they would be a VM's id. `invalid`, saying which rule was broken and, where there is one, the nearest valid
/// name.
[[nodiscard]] sdk::Result<void> check_vm_name(std::string_view name);

}  // namespace banger::base
