// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <algorithm>

#include "plugins/json/object_reader.hpp"
#include "words.hpp"

namespace banger::debian {
namespace {

// All of these are written into files of apt, which have no way to quote a quote or a line end.
bool is_plain(const std::string& text)
{
    return std::none_of(text.begin(), text.end(), [](char letter) {
        return static_cast<unsigned char>(letter) <= ' ' || letter == '"' || letter == '[' || letter == ']';
    });
}

bool is_address(const std::string& text)
{
    return is_plain(text) && text.find("://") != std::string::npos;
}

}  // namespace

sdk::Result<Config> read_config(const std::string& text)
{
    Config config;
    auto read = plugin_json::read_section(text, "image-debian", [&](plugin_json::ObjectReader& section) {
        config.mirror = section.text("mirror", is_address, config.mirror);
        config.security_mirror = section.text("security_mirror", is_address, config.security_mirror);
        config.keyring = section.text(
            "keyring", [](const auto& path) { return is_plain(path) && is_absolute_path(path); }, config.keyring);
        config.proxy = section.text("proxy", [](const auto& proxy) { return proxy.empty() || is_address(proxy); });
        const auto scratch = section.text(
            "scratch", [](const auto& word) { return word == "auto" || word == "memory" || word == "disk"; }, "auto");
        config.scratch = scratch == "memory" ? Scratch::memory : scratch == "disk" ? Scratch::disk : Scratch::automatic;
    });
    if (!read)
        return std::move(read).error();
    return config;
}

}  // namespace banger::debian
