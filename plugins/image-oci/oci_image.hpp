// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/image_source.hpp"

namespace banger::oci {

/// image/0 "oci": images of registries ({"reference": ...}), and of layouts and archives ({"path": ...}), as a stream of
/// layers. Both recipes may say a "platform"; "stamp" is only there to tell a changed file from the one before it.
/// Throws nothing. `config` is the plugin's validated section.
sdk::Result<std::unique_ptr<sdk::ImageSource>> make_image_source(sdk::Host& host, const std::string& config);

}  // namespace banger::oci
