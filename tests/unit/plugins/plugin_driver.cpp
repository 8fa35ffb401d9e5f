// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Opens a registry as a daemon does, makes one call, and says what came of it:
//     plugin-driver DIRECTORY PLUGIN-DIRECTORY STORAGE CONFIG [METHOD]
#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "core/base/call_context.hpp"
#include "core/plugins/registry.hpp"

using namespace banger;

namespace {

int say(const sdk::Error& error)
{
    std::printf("error: %s\nhint: %s\n", error.message.c_str(), error.hint.c_str());
    return 1;
}

int act(plugins::Registry& registry, const std::string& name, const std::string& method)
{
    auto storage = registry.get<sdk::Storage>(name);
    if (!storage)
        return say(storage.error());
    base::CallContext call;
    if (method == "probe")
        if (auto probe = (*storage)->probe(call); !probe)
            return say(probe.error());
    if (method == "attach")
        if (auto attached = (*storage)->attach({}, call); !attached)
            return say(attached.error());
    if (method == "list")
        if (auto list = (*storage)->list(); !list)
            return say(list.error());
    std::printf("done\n");
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 5)
        return 2;
    constexpr rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    const std::string home = argv[1];
    plugins::Registry::Settings settings;
    settings.directories = {argv[2]};
    settings.config["good"] = {argv[4], {}};
    settings.instance = "0123abcd";
    settings.cache_directory = home + "/cache";
    settings.vms_directory = home + "/vms";
    settings.in_flight_file = home + "/plugins-in-flight";
    settings.crash_directory = home + "/plugin-crashes";
    auto registry = plugins::Registry::open(std::move(settings));
    if (!registry)
        return say(registry.error());
    for (const auto& complaint : (*registry)->complaints())
        std::printf("complaint: %s\n", complaint.message.c_str());
    return act(**registry, argv[3], argc > 5 ? argv[5] : "attach");
}
