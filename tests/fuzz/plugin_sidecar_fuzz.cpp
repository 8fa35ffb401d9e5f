// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any text may lie beside a library as its sidecar: it is refused by name, or says all that a plugin is found by.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/plugins/sidecar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto sidecar =
        banger::plugins::parse_sidecar(std::string(reinterpret_cast<const char*>(data), size), "/a.plugin.json");
    if (!sidecar && sidecar.error().message.find("/a.plugin.json") == std::string::npos)
        std::abort();
    if (sidecar && (sidecar->id.empty() || sidecar->api.empty() || sidecar->config_schema.empty()))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
