// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/file_sync.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

namespace banger::config {
namespace {

constexpr const char* guest_home = "/root";

sdk::Error why_not(std::string why, std::string hint = {})
{
    return sdk::make_error(sdk::Code::invalid, std::move(why), std::move(hint));
}

bool has_nul(const std::string& text)
{
    return text.find('\0') != std::string::npos;
}

bool begins_in_home(const std::string& path)
{
    return path == "~" || path.starts_with("~/");
}

}  // namespace

sdk::Result<std::string> sync_host_of(const std::string& written)
{
    if (written.empty())
        return why_not("it is empty");
    if (has_nul(written))
        return why_not("it has a zero byte in it");
    if (written.front() != '/' && !begins_in_home(written))
        return why_not("it is no absolute path", "write ~/... for what is in your home");
    return written;
}

sdk::Result<std::string> sync_guest_of(const std::string& written)
{
    if (has_nul(written))
        return why_not("it has a zero byte in it");
    const std::string outside = "it is not below ~/ or /root/";
    const std::string hint = "a machine's files of yours are in /root, which is ~ there";
    if (!begins_in_home(written) && !written.starts_with("/"))
        return why_not(outside, hint);
    const std::string whole = begins_in_home(written) ? guest_home + written.substr(1) : written;
    std::string meant;
    for (std::size_t at = 0; at < whole.size();) {
        const auto end = std::min(whole.find('/', at), whole.size());
        const auto part = whole.substr(at, end - at);
        at = end + 1;
        if (part == "..")
            return why_not("it has a '..' in it", "write the path without it");
        if (!part.empty() && part != ".")
            meant += "/" + part;
    }
    if (meant != guest_home && !meant.starts_with(std::string(guest_home) + "/"))
        return why_not(outside, hint);
    return meant;
}

sdk::Result<std::string> file_mode_of(const std::string& written)
{
    constexpr std::size_t digits = 4;
    const bool octal = !written.empty() && std::all_of(written.begin(), written.end(),
                                                       [](char digit) { return digit >= '0' && digit <= '7'; });
    if (!octal || written.size() > digits || (written.size() == digits && written.front() != '0'))
        return why_not("it is no mode from 0000 to 0777", "write octal digits such as \"0600\"");
    return std::string(digits - written.size(), '0') + written;
}

PluginSection file_sync_section(const Config& config)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
    const auto member = [&](const char* key, const std::string& value) {
        json.Key(key);
        json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    };
    json.StartObject();
    json.Key("files");
    json.StartArray();
    for (const auto& entry : config.file_sync) {
        json.StartObject();
        member("host", entry.host.value);
        member("guest", entry.guest.value);
        if (!entry.mode.value.empty())
            member("mode", entry.mode.value);
        json.EndObject();
    }
    json.EndArray();
    json.Key("git_identity");
    json.Bool(config.vm_defaults.git_identity.value);
    json.EndObject();
    PluginSection section;
    section.json = buffer.GetString();
    section.where[""] = config.file_sync.empty() ? config.vm_defaults.git_identity.where
                                                 : config.file_sync.front().host.where;
    return section;
}

}  // namespace banger::config
