// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any text may be somebody's config.toml: it is refused with file and line, or every value in it is one that a VM may have
// and can be shown.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/config/config.hpp"
#include "core/config/limits.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger::config;
    const HostFacts host{8, 24'000};
    const auto config = parse(std::string(reinterpret_cast<const char*>(data), size), "/c.toml", host);
    if (!config) {
        if (!config.error().message.starts_with("/c.toml:"))
            std::abort();
        return 0;
    }
    const auto& vm = config->vm_defaults;
    if (!check_vcpus("", static_cast<std::int64_t>(vm.vcpu.value), host) ||
        !check_memory("", static_cast<std::int64_t>(vm.memory_mib.value), host) ||
        !check_disk("", static_cast<std::int64_t>(vm.disk_bytes.value)) || config->daemon.workers.value == 0 ||
        to_json(*config).empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
