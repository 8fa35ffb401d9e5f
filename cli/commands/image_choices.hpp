// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "cli/arguments.hpp"
#include "core/model/json.hpp"

namespace banger::cli {

/// The options that say what machines of an image are to be: --kernel, --size and --platform.
std::vector<Option> image_choice_options();

/// Sets what was given of them as the daemon's methods understand it (docs/rpc.md). Errors: invalid for a size that no disk
/// can have, and for a platform that is none.
sdk::Result<void> set_image_choices(const Arguments& arguments, json::Object& params);

/// A name that an image of somebody's own may have. Errors: invalid for one that cannot be told from the catalogue's.
sdk::Result<void> check_own_name(const std::string& name);

/// What a bundle was called after (NAME-DIGEST.tar.zst); any other name of a file as it is.
std::string without_digest(const std::string& file);

}  // namespace banger::cli
