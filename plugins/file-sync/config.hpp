// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::file_sync {

/// One [[file_sync]] table.
struct Entry {
    std::string host;                   ///< absolute, or "~/...": below the user's home
    std::string guest;                  ///< absolute and normalised: /root, or below it
    std::optional<std::uint32_t> mode;  ///< of the file, or of the directory's files; none: the default
};

struct Config {
    std::vector<Entry> files;
    bool git_identity = true;
};

/// From the plugin's JSON text, which was validated against file-sync.plugin.json.
[[nodiscard]] sdk::Result<Config> read_config(std::string_view text);

}  // namespace banger::file_sync
