// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::qemu {

enum class AcceleratorChoice { automatic, kvm, tcg };

/// The plugin's section of the configuration; the schema in vmm-qemu.plugin.json describes each key.
struct Config {
    std::string program = "qemu-system-x86_64";
    AcceleratorChoice accelerator = AcceleratorChoice::automatic;
    std::uint32_t translation_cache_mib = 0;  ///< 0: by the host's memory
    std::chrono::seconds start_patience{60};  ///< a loaded host starts QEMU in one or two; later ones are lost
};

/// Reads what core has validated against the schema. `invalid` for text that is not such JSON.
sdk::Result<Config> read_config(std::string_view text);

}  // namespace banger::qemu
