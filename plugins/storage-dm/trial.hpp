// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::dm {

/// Whether this host lets us make snapshots: one is made, of a small file, and removed again. Its error says what is
/// missing.
sdk::Result<void> try_snapshot(sdk::Host& host);

/// The same as the answer to a provider's probe: what it does, or why not.
sdk::Probe probe_by_trial(sdk::Host& host, const std::string& what_it_does);

}  // namespace banger::dm
