// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/storage_fork.hpp"
#include "config.hpp"

namespace banger::dm {

/// storage.fork/0 "dm". What a disk wrote to becomes the layer, under a second name (link(2)), and its device goes on
/// over that: freeze.hpp. A machine must stand still at the instant, which is short: nothing is read or copied.
std::unique_ptr<sdk::StorageFork> make_storage_fork(sdk::Host& host, Config config);

}  // namespace banger::dm
