// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::images {

/// The entry that begins a layer in a stream of them; its content is what messages call the layer. Names with this
/// prefix are kept for such marks by the OCI image specification (layer.md, "Whiteouts"). See sdk::ImageStream.
inline constexpr std::string_view layer_marker = ".wh..wh..layer";

/// What a whiteout takes away, if lower layers brought it.
struct Whiteout {
    std::string path;
    bool only_below = false;  ///< an opaque directory: its content, not itself
};

/// The whiteout that an entry's path stands for; nothing for an ordinary path. Invalid for one that names no file.
sdk::Result<std::optional<Whiteout>> whiteout_of(std::string_view path);

}  // namespace banger::images
