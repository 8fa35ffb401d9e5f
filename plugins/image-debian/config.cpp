// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <algorithm>

#include "object_reader.hpp"

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
    const std::string subject = "the configuration of plugin image-debian";
    auto document = parse_object(text, subject);
    if (!document)
        return std::move(document).error();
    std::optional<sdk::Error> problem;
    ObjectReader reader(*document, subject, problem);
    Config config;
    config.mirror = reader.text("mirror", is_address, config.mirror);
    config.security_mirror = reader.text("security_mirror", is_address, config.security_mirror);
    config.keyring = reader.text(
        "keyring", [](const auto& path) { return is_plain(path) && is_absolute_path(path); }, config.keyring);
    config.proxy = reader.text("proxy", [](const auto& proxy) { return proxy.empty() || is_address(proxy); });
    const auto scratch = reader.text(
        "scratch", [](const auto& word) { return word == "auto" || word == "memory" || word == "disk"; }, "auto");
    config.scratch = scratch == "memory" ? Scratch::memory : scratch == "disk" ? Scratch::disk : Scratch::automatic;
    reader.refuse_others();
    if (problem)
        return *problem;
    return config;
}

}  // namespace banger::debian
