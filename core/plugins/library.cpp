// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The only file that includes Boost.DLL.
#define BOOST_DLL_USE_STD_FS
#include "core/plugins/library.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <span>
#include <vector>

namespace banger::plugins {
namespace {

constexpr const char* symbol = "banger_plugin_v0";

sdk::Error broken(const std::string& id, const std::string& why)
{
    return sdk::make_error(sdk::Code::plugin, "plugin '" + id + "' cannot be loaded: " + why,
                           "build it again with this banger's SDK, or remove it");
}

// The descriptor is the plugin's to fill in, so nothing in it is taken for granted.
std::string text(const char* value)
{
    return value == nullptr ? "nothing" : value;
}

sdk::Result<void> compare(const banger_plugin_descriptor& descriptor, const Sidecar& sidecar)
{
    const auto differs = [&](const std::string& what, const std::string& library, const std::string& expected) {
        return broken(sidecar.id, "its library says " + what + " " + library + " and not " + expected);
    };
    if (descriptor.struct_size < sizeof descriptor)
        return broken(sidecar.id, "its descriptor is too short");
    const auto api = std::to_string(descriptor.api_major) + "." + std::to_string(descriptor.api_minor);
    if (api != host_api())
        return differs("interface", api, host_api());
    if (text(descriptor.cxx_abi) != BANGER_SDK_CXX_ABI)
        return differs("fingerprint", text(descriptor.cxx_abi), BANGER_SDK_CXX_ABI);
    if (text(descriptor.id) != sidecar.id)
        return differs("id", text(descriptor.id), sidecar.id);
    if (text(descriptor.version) != sidecar.version)
        return differs("version", text(descriptor.version), sidecar.version);
    if (descriptor.capabilities == nullptr)
        return broken(sidecar.id, "it offers nothing");
    std::vector<CapabilityName> offered;
    for (const auto& capability : std::span(descriptor.capabilities, descriptor.capability_count)) {
        if (capability.create == nullptr)
            return broken(sidecar.id, text(capability.kind) + " '" + text(capability.name) + "' has no factory");
        offered.push_back({text(capability.kind), text(capability.name)});
    }
    auto promised = sidecar.capabilities;
    std::sort(offered.begin(), offered.end());
    std::sort(promised.begin(), promised.end());
    if (offered != promised)
        return broken(sidecar.id, "its library offers other kinds than its sidecar lists");
    return {};
}

}  // namespace

sdk::Result<Library> Library::load(const std::string& path, const Sidecar& sidecar)
{
    using boost::dll::load_mode::rtld_now;
    using boost::dll::load_mode::type;
    try {
        // Without RTLD_NODELETE the library would go with its last user, and with it the code of every object,
        // exception and log record that came from it.
        const auto mode = static_cast<type>(static_cast<int>(rtld_now) | RTLD_NODELETE);
        auto library = std::make_shared<boost::dll::shared_library>(path, mode);
        if (!library->has(symbol))
            return broken(sidecar.id, "it does not export " + std::string(symbol));
        const auto* descriptor = library->get<const banger_plugin_descriptor* const>(symbol);
        if (descriptor == nullptr)
            return broken(sidecar.id, "its descriptor is empty");
        if (auto same = compare(*descriptor, sidecar); !same)
            return std::move(same).error();
        return Library(std::move(library), *descriptor);
    } catch (const std::exception& error) {
        return broken(sidecar.id, error.what());
    }
}

sdk::Factory Library::factory(const CapabilityName& capability) const
{
    for (const auto& offered : std::span(descriptor_->capabilities, descriptor_->capability_count))
        if (capability.kind == offered.kind && capability.name == offered.name)
            return offered.create;
    return nullptr;
}

}  // namespace banger::plugins
