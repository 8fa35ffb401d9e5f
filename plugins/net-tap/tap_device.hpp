// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::tap {

/// Makes a tap that stays until it is removed as an interface, and that a VMM opens by its name (Documentation/networking/
/// tuntap.rst): whoever may make taps does, and that user. `exists` if there is an interface of that name; `unsupported`
/// without /dev/net/tun.
sdk::Result<void> make_tap(const std::string& name, uid_t user);

/// Whether that user's VMM can open the taps that he is given.
sdk::Result<void> check_user(uid_t user);

}  // namespace banger::tap
