// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/setting.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/base/nearest.hpp"

namespace banger::config {
namespace {

constexpr std::string_view plugin_prefix = "plugin.";

bool is_bare(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

// "plugin.ID.KEY", of bare words (toml.io, "Keys").
sdk::Result<std::string> check_plugin_key(const std::string& name)
{
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= name.size();) {
        const auto end = std::min(name.find('.', at), name.size());
        words.push_back(name.substr(at, end - at));
        at = end + 1;
    }
    if (words.size() >= 3 && std::all_of(words.begin(), words.end(), is_bare))
        return name;
    return sdk::make_error(sdk::Code::invalid, "'" + name + "' is no name of a plugin's setting",
                           "write plugin.ID.KEY, such as plugin.vmm-qemu.accelerator");
}

std::string quoted_json(const std::string& text)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return buffer.GetString();
}

// A number with the largest unit that leaves it whole.
template <std::size_t N>
std::string in_units(std::uint64_t number, const std::array<std::pair<std::uint64_t, const char*>, N>& units)
{
    for (const auto& [size, name] : units)
        if (number > 0 && number % size == 0)
            return std::to_string(number / size) + name;
    return std::to_string(number);
}

std::string size_in_units(std::uint64_t bytes)
{
    constexpr std::array<std::pair<std::uint64_t, const char*>, 3> units{
        {{1ULL << 40U, "T"}, {1ULL << 30U, "G"}, {1ULL << 20U, "M"}}};
    return in_units(bytes, units);
}

std::string duration_in_units(std::chrono::milliseconds time)
{
    constexpr std::array<std::pair<std::uint64_t, const char*>, 5> units{
        {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}}};
    return in_units(static_cast<std::uint64_t>(time.count()), units);
}

template <typename T>
Setting shown(const std::string& key, const Value<T>& value, std::string text, std::string json)
{
    return {key, std::move(text), std::move(json), value.origin, value.where};
}

Setting word(const std::string& key, const Value<std::string>& value)
{
    return shown(key, value, value.value, quoted_json(value.value));
}

Setting number(const std::string& key, const Value<std::uint64_t>& value)
{
    return shown(key, value, std::to_string(value.value), std::to_string(value.value));
}

Setting flag(const std::string& key, const Value<bool>& value)
{
    const std::string text = value.value ? "true" : "false";
    return shown(key, value, text, text);
}

Setting time(const std::string& key, const Value<std::chrono::milliseconds>& value)
{
    return shown(key, value, duration_in_units(value.value), std::to_string(value.value.count()));
}

std::vector<Setting> all_settings(const Config& config)
{
    const auto& vm = config.vm_defaults;
    const auto& use = config.backends;
    const auto& daemon = config.daemon;
    return {
        number("vm_defaults.vcpu", vm.vcpu),
        number("vm_defaults.memory", vm.memory_mib),
        shown("vm_defaults.disk", vm.disk_bytes, size_in_units(vm.disk_bytes.value), std::to_string(vm.disk_bytes.value)),
        word("vm_defaults.image", vm.image),
        word("vm_defaults.kernel", vm.kernel),
        word("vm_defaults.egress", vm.egress),
        word("vm_defaults.ready", vm.ready),
        word("vm_defaults.init", vm.init),
        word("vm_defaults.publish", vm.publish),
        flag("vm_defaults.git_identity", vm.git_identity),
        word("backends.vmm", use.vmm),
        word("backends.storage", use.storage),
        word("backends.network", use.network),
        number("daemon.workers", daemon.workers),
        time("daemon.plugin_deadline", daemon.plugin_deadline),
        time("daemon.boot_timeout", daemon.boot_timeout),
        time("daemon.auto_stop_stale_after", daemon.auto_stop_stale_after),
        word("daemon.ssh_key_path", daemon.ssh_key_path),
        shown("daemon.pause_below", daemon.pause_below, size_in_units(daemon.pause_below.value),
              std::to_string(daemon.pause_below.value)),
        number("workspace.depth", config.workspace.depth),
        flag("workspace.tracked_only", config.workspace.tracked_only),
        number("images.most_entries", config.images.most_entries),
        shown("images.most_bytes", config.images.most_bytes, size_in_units(config.images.most_bytes.value),
              std::to_string(config.images.most_bytes.value)),
        word("ports.addresses", config.ports.addresses),
        word("tooling.mise_url", config.tooling.mise_url),
        word("tooling.mise_sha256", config.tooling.mise_sha256),
    };
}

sdk::Result<Setting> find_plugin_setting(const Config& config, const std::string& key)
{
    const std::string rest = key.substr(plugin_prefix.size());
    const std::string id = rest.substr(0, rest.find('.'));
    std::string pointer = rest.substr(id.size());
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const auto section = config.plugins.find(id);
    rapidjson::Document values;
    if (section != config.plugins.end())
        values.Parse(section->second.json.c_str());
    const rapidjson::Value* value =
        section == config.plugins.end() ? nullptr : rapidjson::Pointer(pointer.c_str()).Get(values);
    if (value == nullptr)
        return sdk::make_error(sdk::Code::not_found, "'" + key + "' is not set in " + config.file,
                               "its plugin has a default for it");
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value->Accept(writer);
    const std::string json = buffer.GetString();
    const std::string text = value->IsString() ? std::string(value->GetString(), value->GetStringLength()) : json;
    const auto where = section->second.where.find(pointer);
    return Setting{key, text, json, Origin::file, where == section->second.where.end() ? "" : where->second};
}

}  // namespace

sdk::Result<std::string> check_key(const std::string& name)
{
    static const std::map<std::string, std::string> after_unit{
        {"vm_defaults.memory_mib", "vm_defaults.memory"},
        {"vm_defaults.disk_bytes", "vm_defaults.disk"},
        {"daemon.plugin_deadline_ms", "daemon.plugin_deadline"},
        {"daemon.boot_timeout_ms", "daemon.boot_timeout"},
        {"daemon.auto_stop_stale_after_ms", "daemon.auto_stop_stale_after"},
    };
    if (name.starts_with(plugin_prefix))
        return check_plugin_key(name);
    if (const auto other = after_unit.find(name); other != after_unit.end())
        return other->second;
    const auto& keys = known_keys();
    if (std::find(keys.begin(), keys.end(), name) != keys.end())
        return name;
    // A key without its table is the likeliest mistake.
    for (const auto& key : keys)
        if (key.ends_with("." + name))
            return sdk::make_error(sdk::Code::invalid, "there is no setting '" + name + "'",
                                   "did you mean '" + key + "'?");
    return sdk::make_error(sdk::Code::invalid, "there is no setting '" + name + "'",
                           base::nearest(name, keys) ? base::suggestion(name, keys)
                                                     : "`banger config show` lists the settings");
}

sdk::Result<Setting> find_setting(const Config& config, const std::string& key)
{
    if (key.starts_with(plugin_prefix))
        return find_plugin_setting(config, key);
    for (auto& setting : all_settings(config))
        if (setting.key == key)
            return std::move(setting);
    return sdk::make_error(sdk::Code::internal, "the setting '" + key + "' cannot be shown");
}

}  // namespace banger::config
