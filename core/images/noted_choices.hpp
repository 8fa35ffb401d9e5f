// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/images/image_store.hpp"

namespace banger::images {

/// When the image was last given this name, in nanoseconds since 1970; nothing if it does not go by it.
std::optional<std::int64_t> named_at(const Image& image, const std::string& name);

/// Has an image's record say that the name, and the one chosen, lead to it from now on, and what else was chosen. `images`
/// are all that are here. One caller at a time. Errors: those of reading and writing the record.
sdk::Result<Image> note_choices(const std::string& record_path, Image image, const std::vector<Image>& images,
                                const std::string& name, const ImageChoices& choices, bool keep);

}  // namespace banger::images
