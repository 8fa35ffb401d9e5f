// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"
#include "core/images/bundle.hpp"

namespace banger::images {

/// Adds the bundle to `catalogue.json` in its directory, which is made if it is not there, in place of an entry of its name.
/// One after the other, in whichever process (.catalogue.lock beside it). A signature of what it was before is another's from
/// then on, and is removed. Errors: corrupt for a file that is none; cancelled.
sdk::Result<void> add_to_catalogue(const Bundle& bundle, const std::string& directory, const sdk::Call& call);

/// Makes the directory, an absolute path, and its parents for everybody to read, whatever our umask. There already is
/// success, and stays as it is.
sdk::Result<void> make_published_directory(const std::string& path);

}  // namespace banger::images
