// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "apt.hpp"
#include "banger/sdk/result.hpp"

namespace banger::debian {

struct FileContent {
    std::string content;
    mode_t mode = 0644;
};

/// What is changed in the root file system once its packages are installed. Paths are absolute in it.
struct Customization {
    std::map<std::string, FileContent> files;
    std::map<std::string, std::string> links;               ///< path to target
    std::vector<std::string> remove;                        ///< files and whole trees; missing ones do not matter
    std::map<std::string, std::vector<std::string>> prune;  ///< directories that lose their files, but those so named
};

/// How a root file system is made. In JSON:
///     suite        "bookworm"
///     variant      "minbase": mmdebstrap(1), --variant
///     components   ["main"]
///     pockets      ["updates", "security"]: further suites of the archive, bookworm-updates and so on
///     packages     what is installed beyond the variant
///     scratch_mib  how much room the build takes, for the choice between memory and disk
///     customize    {
///         "files": {"/path": "content"} or {"/path": {"content": "…", "mode": "0755"}},
///         "links": {"/path": "target"},
///         "remove": ["/path"],
///         "prune": {"/directory": ["file name to keep"]},
///         "mask": {"unit": "why"}, "mask_generators": {"generator": "why"},
///         "enable", "disable", "not_at_boot": {"target": {"unit": "why"}}
///     }
/// `enable` and `disable` make and remove the links that systemctl(1) would; `not_at_boot` hides the links that
/// packages ship in /usr, so that the unit is not started with the target but still can be (systemd.unit(5), "symlinked
/// to /dev/null" holds for .wants too).
struct ImageRecipe {
    Archive archive;
    std::string variant;
    std::vector<std::string> packages;
    std::uint64_t scratch_mib = 0;
    Customization customize;
};

sdk::Result<ImageRecipe> read_image_recipe(const std::string& text);

}  // namespace banger::debian
