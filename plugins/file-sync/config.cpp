// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <cstdlib>

#include "plugins/json/object_reader.hpp"

namespace banger::file_sync {
namespace {

// The host's checks are for messages with file and line; this one keeps files out of the rest of the guest, whoever
// configures the plugin.
bool is_below_home(const std::string& guest)
{
    const bool below = guest == "/root" || guest.starts_with("/root/");
    return below && (guest + "/").find("/../") == std::string::npos && guest.find('\0') == std::string::npos;
}

bool is_mode(const std::string& text)
{
    return text.empty() || (text.size() <= 4 && text.find_first_not_of("01234567") == std::string::npos &&
                            std::strtoul(text.c_str(), nullptr, 8) <= 0777U);
}

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    Config config;
    auto read = plugin_json::read_section(text, "file-sync", [&](plugin_json::ObjectReader& section) {
        config.git_identity = section.flag("git_identity", config.git_identity);
        section.objects("files", [&](plugin_json::ObjectReader& file) {
            Entry entry{file.required_text("host", plugin_json::is_not_empty),
                        file.required_text("guest", is_below_home), {}};
            if (const auto mode = file.text("mode", is_mode); !mode.empty())
                entry.mode = static_cast<std::uint32_t>(std::strtoul(mode.c_str(), nullptr, 8));
            config.files.push_back(std::move(entry));
        });
    });
    if (!read)
        return std::move(read).error();
    return config;
}

}  // namespace banger::file_sync
