// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/image_source.hpp"

namespace banger::oci {

/// image/0 "oci": images of registries ({"reference": ...}), and of layouts, archives of such, root file systems and their
/// archives ({"path": ...}), as a stream of layers or a plain archive. Both recipes may say a "platform"; one with "pin" is
/// answered by a recipe for what it means now (sdk::ImageStream); its "digest" is that of what was there, and
/// nothing else is taken; "directory": "any" takes one that does not look like a root file
/// system; "stamp" is only there to tell a changed file from the one before it. And what is on a machine's disks ({"root": {"path", "format"}, "work": {…}, "client_key", "execution"}).
/// Throws nothing. `config` is the plugin's validated section.
sdk::Result<std::unique_ptr<sdk::ImageSource>> make_image_source(sdk::Host& host, const std::string& config);

}  // namespace banger::oci
