// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <rapidjson/document.h>

namespace banger::qemu {

sdk::Result<Config> read_config(std::string_view text)
{
    const auto wrong = [](const std::string& what) {
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin vmm-qemu " + what);
    };
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return wrong("is not a JSON object");
    Config config;
    for (const auto& member : document.GetObject()) {
        const std::string_view key(member.name.GetString(), member.name.GetStringLength());
        const auto& value = member.value;
        if (key == "program" && value.IsString()) {
            config.program = value.GetString();
        } else if (key == "accelerator" && value.IsString()) {
            const std::string_view word(value.GetString(), value.GetStringLength());
            if (word != "auto" && word != "kvm" && word != "tcg")
                return wrong("has an unknown accelerator '" + std::string(word) + "'");
            config.accelerator = word == "kvm"   ? AcceleratorChoice::kvm
                                 : word == "tcg" ? AcceleratorChoice::tcg
                                                 : AcceleratorChoice::automatic;
        } else if (key == "translation_cache_mib" && value.IsUint()) {
            config.translation_cache_mib = value.GetUint();
        } else if (key == "start_patience" && value.IsUint() && value.GetUint() > 0) {
            config.start_patience = std::chrono::seconds(value.GetUint());
        } else {
            return wrong("has an unknown or mistyped key '" + std::string(key) + "'");
        }
    }
    return config;
}

}  // namespace banger::qemu
