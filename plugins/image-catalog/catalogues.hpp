// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "options.hpp"
#include "banger/sdk/host.hpp"

namespace banger::catalog {

/// The catalogues that config lists, as one in core's format (core/images/catalogue.json), each checked against its key.
/// Bundles that a catalogue names without a place are beside it. A site that does not answer is a warning of the call, and
/// what it said last still counts; so is one whose signature is wrong, and then nothing of it counts.
sdk::Result<std::string> read_catalogues(const Options& options, sdk::Call& call);

/// One catalogue with every bundle at its full place, `location` being where the catalogue is. Errors: corrupt, invalid.
sdk::Result<std::string> with_places(const std::string& catalogue, const std::string& location);

}  // namespace banger::catalog
