// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// Writes a file to standard output from where its descriptor stands to its end; with `follow` also what is added later
/// (inotify(7)), until a signal ends this process. A file that was cut short is read from its beginning again.
sdk::Result<void> print_file(int descriptor, bool follow);

}  // namespace banger::cli
