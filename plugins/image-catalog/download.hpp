// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "options.hpp"
#include "banger/sdk/host.hpp"

namespace banger::catalog {

/// Whether this is an address that we ask: https, or http to this very machine. One with a user in it is none: what looks
/// like a host before the '@' is not the one that is asked.
bool is_address(const std::string& location);

/// The text at an address or an absolute path, at most `most` bytes. Errors: invalid for what is neither; not_found,
/// permission, unavailable, corrupt for more than that; cancelled.
sdk::Result<std::string> read_location(const std::string& location, std::uint64_t most, const Options& options,
                                       sdk::Call& call);

/// The path of a bundle that is at an absolute path, or is downloaded to the cache, resumed if it was cut.
sdk::Result<std::string> bundle_at(const std::string& location, const std::string& digest, std::uint64_t size,
                                   const Options& options, sdk::Call& call);

/// Takes a bundle out of the cache whose bytes are not what they were when it came.
void forget_bundle(const std::string& digest, const Options& options);

}  // namespace banger::catalog
