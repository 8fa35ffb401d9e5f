// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/testing/fake_host.hpp"
#include "core/plugins/registry.hpp"

namespace banger::plugins {

/// Where tests/plugins put the plugin of this name.
inline std::string test_plugin(const std::string& name)
{
    return std::string(BANGER_TEST_PLUGINS) + "/" + name;
}

/// A registry over some test plugins, with directories of its own.
class TestRegistry {
public:
    explicit TestRegistry(const std::vector<std::string>& plugins, const std::string& good_config = {})
    {
        for (const auto& name : plugins)
            settings.directories.push_back(test_plugin(name));
        settings.instance = "0123abcd";
        settings.cache_directory = directory.path() + "/cache";
        settings.vms_directory = directory.path() + "/vms";
        settings.in_flight_file = directory.path() + "/plugins-in-flight";
        settings.crash_directory = directory.path() + "/plugin-crashes";
        settings.deadlines.grace = std::chrono::seconds(5);
        if (!good_config.empty())
            settings.config["good"] = {good_config, {{"", "/c.toml:7"}}};
    }

    void open() { registry = std::move(*Registry::open(settings)); }
    Registry* operator->()
    {
        if (!registry)
            open();
        return registry.get();
    }

    sdk::testing::TemporaryDirectory directory;
    Registry::Settings settings;
    std::unique_ptr<Registry> registry;
};

}  // namespace banger::plugins
