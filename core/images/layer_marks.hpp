// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
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

/// What one layer has brought so far. Memory: about 100 bytes for each path.
class LayerMarks {
public:
    /// Invalid if the layer has brought a file of this name already, or a directory and now a file.
    sdk::Result<void> note(const std::string& path, bool directory);
    /// Whether the layer brought the path, or something below it.
    [[nodiscard]] bool touched(const std::string& path) const { return paths_.contains(path); }

private:
    enum class Mark { parent, directory, other };
    std::map<std::string, Mark, std::less<>> paths_;
};

}  // namespace banger::images
