// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "config.hpp"
#include "resolved.hpp"

namespace banger::tap {

/// network.names/0 "tap": systemd-resolved is told for the bridge of this installation whom to ask.
///
/// `connect` is for tests, which have a resolved of their own.
/// Threads: any number. Crashes: what was told goes with the bridge.
[[nodiscard]] std::unique_ptr<sdk::NetworkNames> make_names(
    sdk::Host& host, Config config, std::function<sdk::Result<Resolved::Bus>()> connect = Resolved::connect);

}  // namespace banger::tap
