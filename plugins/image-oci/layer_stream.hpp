// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"

namespace banger::oci {

/// The bytes of one layer, in a file that the caller owns.
struct LayerBlob {
    std::string name;                  ///< for messages: its digest
    std::string digest;                ///< of the file as it is; the layer is refused if it is another
    std::string uncompressed = {};     ///< if not empty: digest of the archive in it, checked instead
    std::uint64_t size = 0;
    sdk::os::UniqueFd file;
};

/// Writes the mark that begins a layer, and the layer's archive, inflated, to `output`. The layer counts only when this
/// succeeds: its digest is known at its end. Gives how many bytes the archive has; what it lacks of a whole block (tar(5)) is
/// written too.
/// Errors: corrupt, naming the layer, for another digest or size and for damaged or cut compression; cancelled; those of
/// reading and writing.
sdk::Result<std::uint64_t> stream_layer(const LayerBlob& blob, int output, sdk::Call& call);

/// Ends the stream as an archive ends (tar(5)).
sdk::Result<void> end_stream(int output);

}  // namespace banger::oci
