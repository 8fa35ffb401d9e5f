// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/crash_record.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "banger/sdk/os/file.hpp"

namespace banger::plugins {
namespace {

constexpr int most_crashes = 3;

std::string signal_name(int signal)
{
    const char* name = ::sigabbrev_np(signal);
    return name == nullptr ? "signal " + std::to_string(signal) : "SIG" + std::string(name);
}

std::int64_t changed_ns(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return 0;
    return status.st_ctim.tv_sec * 1'000'000'000LL + status.st_ctim.tv_nsec;
}

}  // namespace

bool CrashRecord::Entry::disables() const
{
    // Calls that a daemon makes by itself: without this it would die again at every start.
    constexpr std::array<std::string_view, 3> at_start{"load", "make", "probe"};
    return count >= most_crashes || std::find(at_start.begin(), at_start.end(), last.call) != at_start.end();
}

sdk::Result<void> CrashRecord::note(const Crash& crash) const
{
    if (directory_.empty())
        return {};
    if (auto made = sdk::os::make_private_directory(directory_); !made)
        return made;
    const auto before = read(crash.plugin);
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
    json.StartObject();
    json.Key("plugin");
    json.String(crash.plugin.c_str());
    json.Key("call");
    json.String(crash.call.c_str());
    json.Key("signal");
    json.Int(crash.signal);
    json.Key("when_ns");
    json.Int64(crash.when_ns);
    json.Key("count");
    json.Int(before ? before->count + 1 : 1);
    json.EndObject();
    return sdk::os::write_file_atomic(file_of(crash.plugin), buffer.GetString());
}

std::optional<CrashRecord::Entry> CrashRecord::read(const std::string& plugin) const
{
    const auto text = sdk::os::read_file(file_of(plugin), 1U << 16U);
    if (!text)
        return std::nullopt;
    rapidjson::Document json;
    json.Parse(text->c_str());
    const auto has_number = [&](const char* key) { return json.HasMember(key) && json[key].IsInt64(); };
    if (json.HasParseError() || !json.IsObject() || !json.HasMember("call") || !json["call"].IsString() ||
        !has_number("signal") || !has_number("when_ns") || !has_number("count"))
        return std::nullopt;
    Entry entry;
    entry.last = {plugin, json["call"].GetString(), static_cast<int>(json["signal"].GetInt64()),
                  json["when_ns"].GetInt64()};
    entry.count = static_cast<int>(json["count"].GetInt64());
    return entry;
}

std::optional<CrashRecord::Entry> CrashRecord::find(const std::string& plugin, const std::string& library) const
{
    if (directory_.empty())
        return std::nullopt;
    auto entry = read(plugin);
    if (entry && changed_ns(library) > entry->last.when_ns)
        return std::nullopt;
    return entry;
}

sdk::Result<void> CrashRecord::forget(const std::string& plugin) const
{
    if (directory_.empty())
        return {};
    return sdk::os::remove_file(file_of(plugin));
}

sdk::Error disabled_error(const CrashRecord::Entry& entry, const std::string& file)
{
    std::string message = "plugin '" + entry.last.plugin + "' is disabled: the daemon died of " +
                          signal_name(entry.last.signal) + " in its " + entry.last.call;
    if (entry.count > 1)
        message += " (" + std::to_string(entry.count) + " times)";
    return sdk::make_error(sdk::Code::plugin, std::move(message),
                           "install a mended version, or remove " + file + " and restart the daemon to try it again");
}

}  // namespace banger::plugins
