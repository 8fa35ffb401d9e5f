// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "layer_stream.hpp"

namespace banger::oci {

/// A layer whose bytes are not opened yet.
struct LocalLayer {
    std::string path;
    std::string name;
    std::string digest;
    std::string uncompressed;  ///< see LayerBlob
    std::uint64_t size = 0;
};

struct LocalImage {
    std::string digest;  ///< of the manifest, or for `docker save` of the configuration
    std::string config;  ///< JSON text
    std::vector<LocalLayer> layers;
};

/// Whether the directory is one of those that read_local reads.
bool is_image_directory(const std::string& directory);

/// Reads the image in a directory: an OCI layout (image-layout.md) or what `docker save` writes, unpacked. A layout with
/// several images for the platform is invalid: which one is not said. Nothing of it is trusted before its digest is checked.
sdk::Result<LocalImage> read_local(const std::string& directory, const std::string& platform);

}  // namespace banger::oci
