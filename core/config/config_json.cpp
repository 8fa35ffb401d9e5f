// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

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
void write_value(JsonWriter& json, const std::string& value)
{
    write_text(json, value);
}
void write_value(JsonWriter& json, std::chrono::milliseconds value)
{
    json.Int64(value.count());
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

void write(JsonWriter& json, const VmDefaults& vm)
{
    json.Key("vm_defaults");
    json.StartObject();
    write(json, "vcpu", vm.vcpu);
    write(json, "memory_mib", vm.memory_mib);
    write(json, "disk_bytes", vm.disk_bytes);
    write(json, "image", vm.image);
    write(json, "kernel", vm.kernel);
    write(json, "egress", vm.egress);
    write(json, "ready", vm.ready);
    write(json, "init", vm.init);
    json.EndObject();
}

void write(JsonWriter& json, const std::map<std::string, PluginSection>& plugins)
{
    json.Key("plugins");
    json.StartObject();
    for (const auto& [id, section] : plugins) {
        write_text(json, id);
        rapidjson::Document content;
        content.Parse(section.json.c_str());
        content.Accept(json);
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
    json.Key("providers");
    json.StartObject();
    write(json, "vmm", config.providers.vmm);
    write(json, "storage", config.providers.storage);
    write(json, "network", config.providers.network);
    json.EndObject();
    json.Key("daemon");
    json.StartObject();
    write(json, "workers", config.daemon.workers);
    write(json, "plugin_deadline_ms", config.daemon.plugin_deadline);
    write(json, "auto_stop_stale_after_ms", config.daemon.auto_stop_stale_after);
    json.EndObject();
    write(json, config.plugins);
    json.EndObject();
    return buffer.GetString();
}

}  // namespace banger::config
