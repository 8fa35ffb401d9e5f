// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/sidecar.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/version.hpp"
#include "core/base/nearest.hpp"

namespace banger::plugins {
namespace {

using Json = rapidjson::Value;

const std::vector<std::string>& keys()
{
    static const std::vector<std::string> all{"id", "version", "api", "kinds", "config_schema", "description",
                                              "needs_root"};
    return all;
}

bool is_word(std::string_view text)
{
    constexpr std::size_t longest = 63;
    return !text.empty() && text.size() <= longest && text.front() != '-' && text.back() != '-' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

// A word, or words with dots between them, then a slash and digits: "vmm.snapshot/0".
bool is_kind(std::string_view text)
{
    const auto slash = text.find('/');
    if (slash == std::string_view::npos)
        return false;
    const auto major = text.substr(slash + 1);
    std::string name(text.substr(0, slash));
    std::replace(name.begin(), name.end(), '.', 'x');
    return is_word(name) && !major.empty() && major.size() < 4 &&
           major.find_first_not_of("0123456789") == std::string_view::npos;
}

// How deep the text nests, whether or not it is JSON: everything that walks a document later recurses.
std::size_t depth_of(std::string_view text)
{
    std::size_t depth = 0;
    std::size_t deepest = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\')
            ++i;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{'))
            deepest = std::max(deepest, ++depth);
        else if (!quoted && (c == ']' || c == '}') && depth > 0)
            --depth;
    }
    return deepest;
}

class Parser {
public:
    explicit Parser(std::string path) : path_(std::move(path)) {}

    sdk::Result<Sidecar> parse(std::string_view text)
    {
        constexpr std::size_t deepest = 32;
        if (depth_of(text) > deepest)
            return bad("nests deeper than " + std::to_string(deepest) + " levels");
        rapidjson::Document document;
        document.Parse(text.data(), text.size());
        if (document.HasParseError())
            return bad("is no JSON: " + std::string(rapidjson::GetParseError_En(document.GetParseError())) +
                       " (at byte " + std::to_string(document.GetErrorOffset()) + ")");
        if (!document.IsObject())
            return bad("must hold one JSON object");
        for (const auto& member : document.GetObject()) {
            const std::string name(member.name.GetString(), member.name.GetStringLength());
            if (std::find(keys().begin(), keys().end(), name) == keys().end())
                return bad("has an unknown key '" + name + "'").with_hint(base::suggestion(name, keys()));
        }
        take_text(document, "id", sidecar_.id);
        take_text(document, "version", sidecar_.version);
        take_text(document, "api", sidecar_.api);
        if (!problem_ && !is_word(sidecar_.id))
            problem_ = bad("has an id that is no word of a-z, 0-9 and '-': '" + sidecar_.id + "'");
        take_capabilities(document);
        take_need(document);
        take_schema(document);
        if (problem_)
            return std::move(*problem_);
        return std::move(sidecar_);
    }

private:
    [[nodiscard]] sdk::Error bad(const std::string& why) const
    {
        return sdk::make_error(sdk::Code::invalid, path_ + " " + why);
    }

    const Json* find(const Json& object, const char* key)
    {
        const auto found = object.FindMember(key);
        if (found != object.MemberEnd())
            return &found->value;
        if (!problem_)
            problem_ = bad("has no '" + std::string(key) + "'");
        return nullptr;
    }

    void take_text(const Json& object, const char* key, std::string& into)
    {
        const Json* value = find(object, key);
        if (value == nullptr || problem_)
            return;
        if (!value->IsString() || value->GetStringLength() == 0 || value->GetStringLength() > 100) {
            problem_ = bad("has a '" + std::string(key) + "' that is no short text");
            return;
        }
        into.assign(value->GetString(), value->GetStringLength());
        if (std::any_of(into.begin(), into.end(), [](unsigned char c) { return c < ' ' || c == 127; }))
            problem_ = bad("has control characters in '" + std::string(key) + "'");
    }

    void take_capabilities(const Json& document)
    {
        const Json* list = find(document, "kinds");
        if (list == nullptr || problem_)
            return;
        if (!list->IsArray() || list->Empty()) {
            problem_ = bad("must list at least one of 'kinds'");
            return;
        }
        for (const auto& entry : list->GetArray()) {
            CapabilityName capability;
            if (!entry.IsObject()) {
                problem_ = bad("has an entry in 'kinds' that is no object");
                return;
            }
            take_text(entry, "kind", capability.kind);
            take_text(entry, "name", capability.name);
            if (problem_)
                return;
            if (!is_kind(capability.kind))
                problem_ = bad("has a kind that does not look like 'storage/0': '" + capability.kind + "'");
            else if (!is_word(capability.name) || capability.name == "auto")
                problem_ = bad("has a provider name that cannot be used: '" + capability.name + "'");
            else if (std::find(sidecar_.capabilities.begin(), sidecar_.capabilities.end(), capability) !=
                     sidecar_.capabilities.end())
                problem_ = bad("lists " + capability.kind + " '" + capability.name + "' twice");
            if (problem_)
                return;
            sidecar_.capabilities.push_back(std::move(capability));
        }
    }

    void take_need(const Json& document)
    {
        const auto found = document.FindMember("needs_root");
        if (found == document.MemberEnd() || problem_)
            return;
        if (!found->value.IsBool())
            problem_ = bad("has a 'needs_root' that is neither true nor false");
        else
            sidecar_.needs_root = found->value.GetBool();
    }

    // The host fills in defaults, so every property must have one.
    void take_schema(const Json& document)
    {
        const Json* schema = find(document, "config_schema");
        if (schema == nullptr || problem_)
            return;
        if (!schema->IsObject()) {
            problem_ = bad("has a 'config_schema' that is no object");
            return;
        }
        const auto properties = schema->FindMember("properties");
        if (properties != schema->MemberEnd()) {
            if (!properties->value.IsObject()) {
                problem_ = bad("has 'properties' in its config_schema that are no object");
                return;
            }
            for (const auto& property : properties->value.GetObject())
                if (!property.value.IsObject() || !property.value.HasMember("default"))
                    problem_ = bad("has a setting without a default: '" + std::string(property.name.GetString()) + "'");
        }
        rapidjson::StringBuffer buffer;
        rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
        schema->Accept(writer);
        sidecar_.config_schema = buffer.GetString();
    }

    std::string path_;
    Sidecar sidecar_;
    std::optional<sdk::Error> problem_;
};

}  // namespace

sdk::Result<Sidecar> read_sidecar(const std::string& path)
{
    auto text = sdk::os::read_file(path, 1U << 20U);
    if (!text)
        return std::move(text).error();
    return parse_sidecar(*text, path);
}

sdk::Result<Sidecar> parse_sidecar(std::string_view text, const std::string& path)
{
    return Parser(path).parse(text);
}

std::string host_api()
{
    return BANGER_SDK_API;
}

}  // namespace banger::plugins
