// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/host.hpp"

namespace banger::sdk {

struct ImageRequest {
    std::string name;       ///< the catalogue's name, for messages
    std::string recipe;     ///< JSON text that this source understands, from the catalogue
    std::string directory;  ///< empty private directory for scratch files; the caller removes it
    int output = -1;        ///< where the stream goes; owned by the caller, closed by it after the call
    /// What the caller takes of one image in all, as images.most_entries and images.most_bytes of the configuration say. It counts
    /// what comes through `output` itself; a source heeds them for what it downloads or unpacks before.
    std::uint64_t most_entries = UINT64_MAX;
    std::uint64_t most_bytes = UINT64_MAX;
};

/// What fetch wrote.
struct ImageStream {
    /// "tar": entries of the root file system, later ones replace earlier ones. Layers are archives one behind the
    /// other, lowest first, with the whiteouts of the OCI image specification (layer.md); before each stands a file
    /// ".wh..wh..layer" that holds the layer's name for messages, and the fact "layers" says how many there are. A source
    /// that fills the last block of a layer up (tar(5)) says in "layer_bytes" how many bytes each had, with spaces between them.
    /// "recipe": nothing was written, since the recipe's name may mean something else tomorrow. The fact "recipe" is what
    /// to ask for instead, and "identity" names what that makes, whatever it is asked by.
    /// "ext4": nothing was written; the finished layers are the files rootfs.ext4 and work.ext4 in the request's directory.
    /// "catalogue": nothing was written; the fact "catalogue" lists what there is to be had from this source and others, in
    /// the format of the built-in catalogue. Only of source "catalog", for the recipe {"catalogues": "now"}.
    std::string format;
    Fields facts;           ///< such as packages=183, snapshot date, digest of the source
};

/// image/0: root file systems.
/// Crashes: writes only to the request's directory and descriptor, so nothing of it needs undoing, and to what it
/// downloads: files in `blobs` below the cache directory, which anybody may remove that are not locked (flock(2)).
class ImageSource : public Provider {
public:
    /// Writes the image to `request.output` and returns when all of it is written. Blocks for minutes; honours
    /// `call.cancelled()` within a second by ending every process it started. `unavailable` if the mirror does not answer.
    [[nodiscard]] virtual Result<ImageStream> fetch(const ImageRequest& request, Call& call) = 0;
};

}  // namespace banger::sdk
