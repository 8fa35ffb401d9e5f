// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/host.hpp"

#include <chrono>

#include "cli/render/table.hpp"
#include "cli/render/values.hpp"
#include "cli/text.hpp"
#include "core/base/durations.hpp"

namespace banger::cli {
namespace {

constexpr std::size_t default_columns = 80;

std::string state_of(const json::Value& provider)
{
    if (json::bool_or(provider, "picked"))
        return "picked";
    return json::bool_or(provider, "usable") ? "usable" : "not usable";
}

void add_list(Table& table, const json::Value& plugin)
{
    const json::Value* provides = json::find(plugin, "provides");
    const std::string id = json::string_or(plugin, "id");
    const std::string state = json::string_or(plugin, "state");
    if (provides == nullptr || !provides->IsArray() || provides->Empty()) {
        table.add({id, state, "", "", "", json::string_or(plugin, "reason")});
        return;
    }
    for (const auto& provider : provides->GetArray())
        table.add({id, state, json::string_or(provider, "kind"), json::string_or(provider, "name"), state_of(provider),
                   json::string_or(provider, "reason")});
}

std::string mark_of(const std::string& status, bool colour)
{
    if (!colour)
        return status;
    const char* shade = status == "ok" ? "\x1b[32m" : status == "warning" ? "\x1b[33m" : "\x1b[31m";
    return shade + status + "\x1b[0m";
}

}  // namespace

std::string plugin_table(const json::Value& list, std::size_t columns)
{
    Table table({"PLUGIN", "STATE", "KIND", "NAME", "HERE", "REASON"});
    if (const json::Value* plugins = json::find(list, "plugins"); plugins != nullptr && plugins->IsArray())
        for (const auto& plugin : plugins->GetArray())
            add_list(table, plugin);
    return table.text(columns);
}

std::string plugin_page(const json::Value& plugin, std::size_t columns)
{
    Facts facts;
    for (const char* key : {"id", "version", "state", "reason", "hint", "path"})
        facts.add(key, value_text(plugin, key));
    if (const json::Value* provides = json::find(plugin, "provides"); provides != nullptr && provides->IsArray())
        for (const auto& provider : provides->GetArray()) {
            std::vector<std::string> lines{json::string_or(provider, "name") + ", " + state_of(provider)};
            for (const char* key : {"reason", "hint"})
                if (const auto text = json::string_or(provider, key); !text.empty())
                    lines.push_back(text);
            if (const json::Value* known = json::find(provider, "facts"); known != nullptr && known->IsObject())
                for (const auto& fact : known->GetObject())
                    lines.push_back(std::string(fact.name.GetString(), fact.name.GetStringLength()) + " = " +
                                    value_text(fact.value));
            facts.add(json::string_or(provider, "kind"), lines);
        }
    return facts.text(columns);
}

std::string config_table(const json::Value& config, std::size_t columns)
{
    Table table({"KEY", "VALUE", "FROM"});
    if (const json::Value* values = json::find(config, "values"); values != nullptr && values->IsArray())
        for (const auto& value : values->GetArray())
            table.add({json::string_or(value, "key"), value_text(value, "value"), value_text(value, "source")});
    return table.text(columns);
}

std::string daemon_page(const json::Value& status, std::size_t columns)
{
    Facts facts;
    for (const char* key : {"pid", "version", "build", "socket", "home", "instance"})
        facts.add(key, value_text(status, key));
    facts.add("uptime", base::format_duration(std::chrono::seconds(json::uint_or(status, "uptime_s"))));
    facts.add("vms", value_text(status, "vms"));
    facts.add("streams", value_text(status, "streams"));
    return facts.text(columns);
}

std::string helper_page(const json::Value& helper, std::size_t columns)
{
    Facts facts;
    for (const char* key : {"installed", "owner", "socket", "enabled", "running", "problem", "pid", "version", "same_build"})
        facts.add(key, value_text(helper, key));
    std::vector<std::string> lines;
    if (const json::Value* all = json::find(helper, "installations"); all != nullptr && all->IsArray())
        for (const auto& one : all->GetArray())
            lines.push_back(json::string_or(one, "vms_directory") + ": " + value_text(one, "disks") + " disks, " +
                            value_text(one, "links") + " network devices");
    facts.add("installations", lines);
    return facts.text(columns);
}

std::string doctor_page(const json::Value& result, std::size_t columns, bool colour)
{
    constexpr std::size_t indent = 9;
    const std::size_t width = (columns > 2 * indent ? columns : default_columns) - indent;
    std::string text;
    const json::Value* checks = json::find(result, "checks");
    if (checks == nullptr || !checks->IsArray())
        return text;
    for (const auto& check : checks->GetArray()) {
        const std::string status = json::string_or(check, "status");
        std::string head =
            mark_of(status, colour) + std::string(status.size() < indent ? indent - status.size() : 1, ' ');
        std::string body = printable(json::string_or(check, "name") + ": " + json::string_or(check, "message"));
        if (const auto hint = json::string_or(check, "hint"); !hint.empty() && status != "ok")
            body += "\n" + printable(hint);
        for (const auto& line : wrapped(body, width)) {
            text += head + line + "\n";
            head.assign(indent, ' ');
        }
    }
    return text;
}

std::string audit_page(const json::Value& result, std::size_t columns)
{
    const json::Value* findings = json::find(result, "findings");
    if (findings == nullptr || !findings->IsArray() || findings->Empty())
        return "clean: what this host has and what the journals say agree\n";
    Table table({"KIND", "WHAT", "VM", "ACTION"});
    for (const auto& finding : findings->GetArray())
        table.add({json::string_or(finding, "kind"), json::string_or(finding, "what"), value_text(finding, "vm"),
                   json::string_or(finding, "action")});
    return table.text(columns);
}

}  // namespace banger::cli
