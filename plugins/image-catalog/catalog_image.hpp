// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/image_source.hpp"
#include "options.hpp"

namespace banger::catalog {

/// image/0 "catalog": finished images from bundles ({"bundle": address or absolute path, "digest", "size"}), and the
/// catalogues that config lists ({"catalogues": "now"}; see sdk::ImageStream).
std::unique_ptr<sdk::ImageSource> make_image_source(Options options);

}  // namespace banger::catalog
