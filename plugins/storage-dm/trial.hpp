// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/host.hpp"

namespace banger::dm {

/// Whether this host lets us make snapshots: one is made, of a small file, and removed again. Its error says what is
/// missing.
sdk::Result<void> try_snapshot(sdk::Host& host);

}  // namespace banger::dm
