// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/plugin_config.hpp"

// RapidJSON's own regular expressions end the process at an empty alternative; the standard library's take any pattern, or
// throw, which RapidJSON catches.
#define RAPIDJSON_SCHEMA_USE_INTERNALREGEX 0
#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <vector>

#include "core/base/nearest.hpp"

namespace banger::plugins {
namespace {

using Json = rapidjson::Value;
using Pointer = rapidjson::Pointer;

std::string text_of(const Json& value)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value.Accept(writer);
    return buffer.GetString();
}

std::string text_of(const Pointer& pointer)
{
    rapidjson::StringBuffer buffer;
    pointer.Stringify(buffer);
    return buffer.GetString();
}

// RapidJSON's validator leaves defaults alone.
void fill_in_defaults(Json& config, const Json& schema, rapidjson::Document::AllocatorType& allocator)
{
    const auto properties = schema.FindMember("properties");
    if (!config.IsObject() || properties == schema.MemberEnd() || !properties->value.IsObject())
        return;
    for (const auto& property : properties->value.GetObject()) {
        if (!property.value.IsObject())
            continue;
        if (!config.HasMember(property.name) && property.value.HasMember("default"))
            config.AddMember(Json(property.name, allocator), Json(property.value["default"], allocator), allocator);
        if (config.HasMember(property.name))
            fill_in_defaults(config[property.name], property.value, allocator);
    }
}

std::string list_of(const Json& array)
{
    std::string list;
    for (const auto& entry : array.GetArray())
        list += (list.empty() ? "" : ", ") + (entry.IsString() ? std::string(entry.GetString()) : text_of(entry));
    return list;
}

std::string types_of(const Json& type)
{
    const std::string names = type.IsArray() ? list_of(type) : text_of(type);
    std::string plain;
    for (const char c : names)
        if (c != '"')
            plain += c;
    return plain;
}

// What RapidJSON found, in words.
class Complaint {
public:
    // `config` is `given` with the defaults filled in.
    Complaint(const Sidecar& sidecar, const config::PluginSection& section, const Json& schema, const Json& config,
              const Json& given)
        : sidecar_(sidecar), section_(section), schema_(schema), config_(config), given_(given)
    {
    }

    [[nodiscard]] sdk::Error about(const rapidjson::SchemaValidator& validator) const
    {
        const Pointer where = validator.GetInvalidDocumentPointer();
        const std::string keyword = validator.GetInvalidSchemaKeyword();
        const Json* rules = validator.GetInvalidSchemaPointer().Get(schema_);
        const Json* value = where.Get(config_);
        if (rules == nullptr || value == nullptr || !rules->IsObject())
            return error(text_of(where), "is not as its plugin wants it", {});
        if (keyword == "additionalProperties")
            return unknown_key(where, *rules);
        const auto rule = rules->FindMember(keyword.c_str());
        const Json none;
        const auto [why, hint] = words(keyword, rule == rules->MemberEnd() ? none : rule->value, *value);
        std::string help = hint;
        if (const auto description = rules->FindMember("description");
            help.empty() && description != rules->MemberEnd() && description->value.IsString())
            help = description->value.GetString();
        return error(text_of(where), why, help);
    }

private:
    struct Words {
        std::string why;
        std::string hint;
    };

    static Words words(const std::string& keyword, const Json& rule, const Json& value)
    {
        const std::string is = "cannot be " + text_of(value) + ": ";
        if (keyword == "type")
            return {is + "it must be of type " + types_of(rule), {}};
        if (keyword == "enum" && rule.IsArray()) {
            std::vector<std::string> known;
            for (const auto& entry : rule.GetArray())
                if (entry.IsString())
                    known.emplace_back(entry.GetString());
            return {is + "it is one of " + list_of(rule),
                    value.IsString() ? base::suggestion(value.GetString(), known) : ""};
        }
        if (keyword == "minimum")
            return {is + "it must be at least " + text_of(rule), {}};
        if (keyword == "maximum")
            return {is + "it must be at most " + text_of(rule), {}};
        if (keyword == "required" && rule.IsArray())
            return {"must have all of " + list_of(rule), {}};
        if (keyword == "minLength")
            return {is + "it must have at least " + text_of(rule) + " characters", {}};
        if (keyword == "pattern")
            return {is + "it must match the pattern " + text_of(rule), {}};
        return {is + "its plugin demands " + keyword + " " + text_of(rule), {}};
    }

    // RapidJSON points at the member that should not be there.
    [[nodiscard]] sdk::Error unknown_key(const Pointer& where, const Json& rules) const
    {
        std::vector<std::string> known;
        if (const auto properties = rules.FindMember("properties"); properties != rules.MemberEnd())
            for (const auto& property : properties->value.GetObject())
                known.emplace_back(property.name.GetString());
        const std::string name = where.GetTokenCount() == 0 ? "" : where.GetTokens()[where.GetTokenCount() - 1].name;
        return sdk::make_error(
            sdk::Code::invalid,
            place(text_of(where)) + "there is no setting '" + name + "' in [plugin." + sidecar_.id + "]",
            known.empty() ? "this plugin has no settings" : base::suggestion(name, known));
    }

    // The line of the setting, or of what is around it.
    [[nodiscard]] std::string place(std::string pointer) const
    {
        for (;;) {
            const auto found = section_.where.find(pointer);
            if (found != section_.where.end())
                return found->second + ": ";
            if (pointer.empty())
                return {};
            pointer = pointer.substr(0, pointer.rfind('/'));
        }
    }

    [[nodiscard]] sdk::Error error(const std::string& pointer, const std::string& why, const std::string& hint) const
    {
        const std::string section = "[plugin." + sidecar_.id + "]";
        const std::string subject = pointer.empty() ? section : pointer.substr(1) + " in " + section;
        const bool is_default = Pointer(pointer.c_str()).Get(given_) == nullptr;
        if (is_default)
            return sdk::make_error(sdk::Code::plugin,
                                   "plugin '" + sidecar_.id + "' has a wrong default: " + subject + " " + why,
                                   "tell its author");
        return sdk::make_error(sdk::Code::invalid, place(pointer) + subject + " " + why, hint);
    }

    const Sidecar& sidecar_;
    const config::PluginSection& section_;
    const Json& schema_;
    const Json& config_;
    const Json& given_;
};

}  // namespace

sdk::Result<std::string> complete_config(const Sidecar& sidecar, const config::PluginSection& section)
{
    rapidjson::Document schema;
    rapidjson::Document config;
    schema.Parse(sidecar.config_schema.c_str());
    config.Parse(section.json.empty() ? "{}" : section.json.c_str());
    if (schema.HasParseError() || config.HasParseError() || !config.IsObject())
        return sdk::make_error(sdk::Code::internal,
                               "the configuration of plugin '" + sidecar.id + "' is no JSON object");
    rapidjson::Document given;
    given.CopyFrom(config, given.GetAllocator());
    fill_in_defaults(config, schema, config.GetAllocator());
    const rapidjson::SchemaDocument rules(schema);
    rapidjson::SchemaValidator validator(rules);
    if (!config.Accept(validator))
        return Complaint(sidecar, section, schema, config, given).about(validator);
    return text_of(config);
}

}  // namespace banger::plugins
