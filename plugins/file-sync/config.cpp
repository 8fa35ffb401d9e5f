// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <rapidjson/document.h>

#include <charconv>

namespace banger::file_sync {
namespace {

std::string text_in(const rapidjson::Value& object, const char* key)
{
    const auto member = object.FindMember(key);
    if (member == object.MemberEnd() || !member->value.IsString())
        return {};
    return {member->value.GetString(), member->value.GetStringLength()};
}

// The host's checks are for messages with file and line; this one keeps files out of the rest of the guest, whoever
// configures the plugin.
bool is_below_home(const std::string& guest)
{
    const bool below = guest == "/root" || guest.starts_with("/root/");
    return below && (guest + "/").find("/../") == std::string::npos && guest.find('\0') == std::string::npos;
}

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    const auto wrong = [](const std::string& what) {
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin file-sync " + what);
    };
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return wrong("is not a JSON object");
    Config config;
    if (const auto flag = document.FindMember("git_identity"); flag != document.MemberEnd() && flag->value.IsBool())
        config.git_identity = flag->value.GetBool();
    const auto files = document.FindMember("files");
    if (files == document.MemberEnd())
        return config;
    if (!files->value.IsArray())
        return wrong("has files that are no list");
    for (const auto& value : files->value.GetArray()) {
        if (!value.IsObject())
            return wrong("has a file that is no object");
        Entry entry{text_in(value, "host"), text_in(value, "guest"), {}};
        if (entry.host.empty() || !is_below_home(entry.guest))
            return wrong("would bring '" + entry.host + "' to '" + entry.guest + "'");
        if (const std::string mode = text_in(value, "mode"); !mode.empty()) {
            std::uint32_t bits = 0;
            const auto parsed = std::from_chars(mode.data(), mode.data() + mode.size(), bits, 8);
            if (parsed.ec != std::errc() || parsed.ptr != mode.data() + mode.size() || bits > 0777U)
                return wrong("has the mode '" + mode + "', which cannot be one");
            entry.mode = bits;
        }
        config.files.push_back(std::move(entry));
    }
    return config;
}

}  // namespace banger::file_sync
