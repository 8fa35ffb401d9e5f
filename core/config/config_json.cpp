// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <initializer_list>

#include "core/config/config.hpp"

namespace banger::config {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

void write_text(JsonWriter& json, std::string_view text)
{
    json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write_value(JsonWriter& json, std::uint64_t value)
{
    json.Uint64(value);
}
void write_value(JsonWriter& json, bool value)
{
    json.Bool(value);
}
void write_value(JsonWriter& json, const std::string& value)
{
    write_text(json, value);
}

struct Unit {
    std::uint64_t size;
    const char* name;
};

// A whole number with the largest unit that leaves it one.
std::string with_unit(std::uint64_t value, std::initializer_list<Unit> units)
{
    for (const auto& [size, name] : units)
        if (value % size == 0 && value >= size)
            return std::to_string(value / size) + name;
    return std::to_string(value);
}

std::string size_text(std::uint64_t bytes)
{
    return with_unit(bytes, {{1ULL << 40U, "T"}, {1ULL << 30U, "G"}, {1ULL << 20U, "M"}, {1ULL << 10U, "K"}});
}

std::string time_text(std::chrono::milliseconds time)
{
    return with_unit(static_cast<std::uint64_t>(time.count()),
                           {{3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}});
}

template <typename T>
void write(JsonWriter& json, const char* name, const Value<T>& value)
{
    json.Key(name);
    json.StartObject();
    json.Key("value");
    write_value(json, value.value);
    json.Key("origin");
    write_text(json, to_string(value.origin));
    json.Key("where");
    write_text(json, value.where);
    json.EndObject();
}

// The same setting as the file has it.
template <typename T>
Value<std::string> as_text(const Value<T>& value, std::string text)
{
    return {std::move(text), value.origin, value.where};
}

void write(JsonWriter& json, const VmDefaults& vm)
{
    json.Key("vm_defaults");
    json.StartObject();
    write(json, "vcpu", vm.vcpu);
    write(json, "memory", vm.memory_mib);
    write(json, "disk", as_text(vm.disk_bytes, size_text(vm.disk_bytes.value)));
    write(json, "image", vm.image);
    write(json, "kernel", vm.kernel);
    write(json, "egress", vm.egress);
    write(json, "ready", vm.ready);
    write(json, "init", vm.init);
    write(json, "publish", vm.publish);
    write(json, "git_identity", vm.git_identity);
    json.EndObject();
}

void write(JsonWriter& json, const std::vector<FileSync>& entries)
{
    json.Key("file_sync");
    json.StartObject();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        write_text(json, std::to_string(i));
        json.StartObject();
        write(json, "host", entries[i].host);
        write(json, "guest", entries[i].guest);
        write(json, "mode", entries[i].mode);
        json.EndObject();
    }
    json.EndObject();
}

// RFC 6901, section 3.
std::string escaped(std::string_view key)
{
    std::string text;
    for (const char c : key)
        text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return text;
}

// A section's tables as they are nested, with the origin of every value in them.
void write(JsonWriter& json, const rapidjson::Value& value, const std::string& pointer, const PluginSection& section)
{
    json.StartObject();
    if (value.IsObject()) {
        for (const auto& member : value.GetObject()) {
            const std::string_view name(member.name.GetString(), member.name.GetStringLength());
            write_text(json, name);
            write(json, member.value, pointer + "/" + escaped(name), section);
        }
    } else {
        const auto where = section.where.find(pointer);
        json.Key("value");
        value.Accept(json);
        json.Key("origin");
        write_text(json, to_string(Origin::file));
        json.Key("where");
        write_text(json, where == section.where.end() ? std::string_view() : std::string_view(where->second));
    }
    json.EndObject();
}

void write(JsonWriter& json, const std::map<std::string, PluginSection>& plugins)
{
    json.Key("plugin");
    json.StartObject();
    for (const auto& [id, section] : plugins) {
        write_text(json, id);
        rapidjson::Document content;
        content.Parse(section.json.c_str());
        write(json, content, "", section);
    }
    json.EndObject();
}

}  // namespace

std::string to_json(const Config& config)
{
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("file");
    write_text(json, config.file);
    json.Key("file_read");
    json.Bool(config.file_read);
    write(json, config.vm_defaults);
    json.Key("backends");
    json.StartObject();
    write(json, "vmm", config.backends.vmm);
    write(json, "storage", config.backends.storage);
    write(json, "network", config.backends.network);
    json.EndObject();
    json.Key("daemon");
    json.StartObject();
    write(json, "workers", config.daemon.workers);
    const auto& deadline = config.daemon.plugin_deadline;
    write(json, "plugin_deadline", as_text(deadline, time_text(deadline.value)));
    const auto& boot = config.daemon.boot_timeout;
    write(json, "boot_timeout", as_text(boot, time_text(boot.value)));
    const auto& stale = config.daemon.auto_stop_stale_after;
    write(json, "auto_stop_stale_after", as_text(stale, time_text(stale.value)));
    write(json, "ssh_key_path", config.daemon.ssh_key_path);
    const auto& room = config.daemon.pause_below;
    write(json, "pause_below", as_text(room, size_text(room.value)));
    json.EndObject();
    json.Key("workspace");
    json.StartObject();
    write(json, "depth", config.workspace.depth);
    write(json, "tracked_only", config.workspace.tracked_only);
    json.EndObject();
    json.Key("images");
    json.StartObject();
    write(json, "most_entries", config.images.most_entries);
    write(json, "most_bytes", as_text(config.images.most_bytes, size_text(config.images.most_bytes.value)));
    json.EndObject();
    json.Key("ports");
    json.StartObject();
    write(json, "addresses", config.ports.addresses);
    json.EndObject();
    json.Key("tooling");
    json.StartObject();
    write(json, "mise_url", config.tooling.mise_url);
    write(json, "mise_sha256", config.tooling.mise_sha256);
    json.EndObject();
    write(json, config.file_sync);
    write(json, config.plugins);
    json.EndObject();
    return buffer.GetString();
}

}  // namespace banger::config
