// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/plugin_host.hpp"

#include "banger/sdk/os/file.hpp"

namespace banger::plugins {

void PluginHost::log(sdk::LogLevel level, std::string_view message)
{
    if (settings_.log)
        settings_.log(level, settings_.plugin, message);
}

std::string PluginHost::cache_directory() const
{
    // A plugin that cannot write there finds out, and can say so, when it tries.
    (void)sdk::os::make_private_directory(settings_.cache_directory);
    return settings_.cache_directory;
}

}  // namespace banger::plugins
