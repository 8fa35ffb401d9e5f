// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "banger/sdk/host.hpp"
#include "banger/sdk/version.hpp"

namespace banger::sdk {

/// Makes one provider from its validated configuration (JSON text with every default filled in).
/// Never null on success. May throw: the host turns that into an error that names the plugin.
using Factory = Result<std::unique_ptr<Provider>> (*)(Host& host, const char* config);

struct Capability {
    const char* kind;   ///< "storage/0": the interface and its major
    const char* name;   ///< "file": what config and `--storage` call it
    Factory create;     ///< makes the type that `kind` names
};

}  // namespace banger::sdk

extern "C" {

/// The one thing a plugin exports, as a pointer named banger_plugin_v0. Plain data, so that it can be read before any
/// code of the plugin is trusted. Grows only at its end; struct_size tells how far it reaches.
struct banger_plugin_descriptor {
    std::size_t struct_size;
    std::uint32_t api_major;
    std::uint32_t api_minor;
    const char* cxx_abi;
    const char* id;
    const char* version;
    const char* config_schema;  ///< JSON Schema text for the plugin's section of the configuration
    const banger::sdk::Capability* capabilities;
    std::size_t capability_count;
};

}  // extern "C"

/// Defines the exported descriptor. Once per plugin, at namespace scope, after an array of Capability:
///     constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "file", create}};
///     BANGER_PLUGIN(capabilities)
/// id, version and schema come from the sidecar through the build (see banger_add_plugin). The section bangerv0 lets the
/// host compare id, interface version and fingerprint before it runs anything of the plugin.
#define BANGER_PLUGIN(capability_array)                                                                          \
    namespace {                                                                                                  \
    const banger_plugin_descriptor banger_descriptor{sizeof(banger_plugin_descriptor),                           \
                                                     BANGER_SDK_API_MAJOR,                                       \
                                                     BANGER_SDK_API_MINOR,                                       \
                                                     BANGER_SDK_CXX_ABI,                                         \
                                                     BANGER_PLUGIN_ID,                                           \
                                                     BANGER_PLUGIN_VERSION,                                      \
                                                     banger_plugin_config_schema,                                \
                                                     capability_array,                                           \
                                                     sizeof(capability_array) / sizeof((capability_array)[0])};  \
    }                                                                                                            \
    extern "C" __attribute__((visibility("default"))) const banger_plugin_descriptor* const banger_plugin_v0;    \
    const banger_plugin_descriptor* const banger_plugin_v0 = &banger_descriptor;                                 \
    __attribute__((section("bangerv0"), used)) static const char banger_marker[] =                               \
        BANGER_PLUGIN_ID "\n" BANGER_SDK_API "\n" BANGER_SDK_CXX_ABI;
