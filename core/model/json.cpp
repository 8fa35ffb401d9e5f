// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/model/json.hpp"

#include <rapidjson/error/en.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>

namespace banger::json {
namespace {

Value string_value(std::string_view text, Document::AllocatorType& allocator)
{
    return Value(text.data(), static_cast<rapidjson::SizeType>(text.size()), allocator);
}

// RapidJSON parses, copies and writes a level of nesting by a call of its own.
constexpr std::size_t most_levels = 256;

std::size_t levels_of(std::string_view text)
{
    std::size_t level = 0;
    std::size_t most = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (in_string && c == '\\')
            ++at;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{'))
            most = std::max(most, ++level);
        else if (!in_string && (c == ']' || c == '}') && level > 0)
            --level;
    }
    return most;
}

}  // namespace

sdk::Result<Document> parse(std::string_view text, const std::string& what)
{
    if (levels_of(text) > most_levels)
        return sdk::make_error(sdk::Code::corrupt,
                               what + " is nested more than " + std::to_string(most_levels) + " levels deep");
    Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError())
        return sdk::make_error(sdk::Code::corrupt, what + " is not JSON: " +
                                                       rapidjson::GetParseError_En(document.GetParseError()) +
                                                       " at byte " + std::to_string(document.GetErrorOffset()));
    return document;
}

sdk::Result<Document> parse_object(std::string_view text, const std::string& what)
{
    auto document = parse(text, what);
    if (document && !document->IsObject())
        return sdk::make_error(sdk::Code::invalid, what + " is not a JSON object");
    return document;
}

std::string to_text(const Value& value)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value.Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

std::string to_pretty(const Value& value)
{
    rapidjson::StringBuffer buffer;
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
    writer.SetIndent(' ', 2);
    value.Accept(writer);
    return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

void Object::add(std::string_view key, Value value)
{
    auto& allocator = document_.GetAllocator();
    document_.AddMember(string_value(key, allocator), value, allocator);
}

Object& Object::set(std::string_view key, std::string_view value)
{
    add(key, string_value(value, document_.GetAllocator()));
    return *this;
}

Object& Object::set(std::string_view key, bool value)
{
    add(key, Value(value));
    return *this;
}

Object& Object::set(std::string_view key, std::int64_t value)
{
    add(key, Value(value));
    return *this;
}

Object& Object::set(std::string_view key, std::uint64_t value)
{
    add(key, Value(value));
    return *this;
}

Object& Object::set(std::string_view key, double value)
{
    add(key, Value(value));
    return *this;
}

Object& Object::set(std::string_view key, const std::vector<std::string>& value)
{
    auto& allocator = document_.GetAllocator();
    Value array(rapidjson::kArrayType);
    for (const auto& text : value)
        array.PushBack(string_value(text, allocator), allocator);
    add(key, std::move(array));
    return *this;
}

Object& Object::set(std::string_view key, const std::map<std::string, std::string>& value)
{
    auto& allocator = document_.GetAllocator();
    Value object(rapidjson::kObjectType);
    for (const auto& [name, text] : value)
        object.AddMember(string_value(name, allocator), string_value(text, allocator), allocator);
    add(key, std::move(object));
    return *this;
}

Object& Object::set(std::string_view key, const Value& value)
{
    add(key, Value(value, document_.GetAllocator()));
    return *this;
}

Object& Object::set(std::string_view key, const Array& value)
{
    return set(key, value.value());
}

Object& Object::set_null(std::string_view key)
{
    add(key, Value());
    return *this;
}

Object& Object::set_all(const Value& object)
{
    if (object.IsObject())
        for (const auto& member : object.GetObject())
            set(std::string_view(member.name.GetString(), member.name.GetStringLength()), member.value);
    return *this;
}

Array& Array::add(const Value& value)
{
    document_.PushBack(Value(value, document_.GetAllocator()), document_.GetAllocator());
    return *this;
}

Array& Array::add(std::string_view text)
{
    document_.PushBack(string_value(text, document_.GetAllocator()), document_.GetAllocator());
    return *this;
}

const Value* find(const Value& object, std::string_view key)
{
    if (!object.IsObject())
        return nullptr;
    const auto member =
        object.FindMember(Value(rapidjson::StringRef(key.data(), static_cast<rapidjson::SizeType>(key.size()))));
    return member == object.MemberEnd() ? nullptr : &member->value;
}

std::optional<std::string> find_string(const Value& object, std::string_view key)
{
    const Value* value = find(object, key);
    if (value == nullptr || !value->IsString())
        return std::nullopt;
    return std::string(value->GetString(), value->GetStringLength());
}

std::optional<std::int64_t> find_int(const Value& object, std::string_view key)
{
    const Value* value = find(object, key);
    if (value == nullptr || !value->IsInt64())
        return std::nullopt;
    return value->GetInt64();
}

std::optional<std::uint64_t> find_uint(const Value& object, std::string_view key)
{
    const Value* value = find(object, key);
    if (value == nullptr || !value->IsUint64())
        return std::nullopt;
    return value->GetUint64();
}

std::optional<bool> find_bool(const Value& object, std::string_view key)
{
    const Value* value = find(object, key);
    if (value == nullptr || !value->IsBool())
        return std::nullopt;
    return value->GetBool();
}

std::vector<std::string> find_strings(const Value& object, std::string_view key)
{
    std::vector<std::string> texts;
    const Value* value = find(object, key);
    if (value == nullptr || !value->IsArray())
        return texts;
    for (const auto& item : value->GetArray())
        if (item.IsString())
            texts.emplace_back(item.GetString(), item.GetStringLength());
    return texts;
}

std::map<std::string, std::string> find_fields(const Value& object, std::string_view key)
{
    std::map<std::string, std::string> fields;
    const Value* value = find(object, key);
    if (value == nullptr || !value->IsObject())
        return fields;
    for (const auto& member : value->GetObject())
        if (member.value.IsString())
            fields.emplace(std::string(member.name.GetString(), member.name.GetStringLength()),
                           std::string(member.value.GetString(), member.value.GetStringLength()));
    return fields;
}

std::string string_or(const Value& object, std::string_view key, std::string_view otherwise)
{
    return find_string(object, key).value_or(std::string(otherwise));
}

std::uint64_t uint_or(const Value& object, std::string_view key, std::uint64_t otherwise)
{
    return find_uint(object, key).value_or(otherwise);
}

bool bool_or(const Value& object, std::string_view key, bool otherwise)
{
    return find_bool(object, key).value_or(otherwise);
}

sdk::Result<std::string> require_string(const Value& object, std::string_view key, const std::string& what)
{
    auto text = find_string(object, key);
    if (!text)
        return sdk::make_error(sdk::Code::invalid, what + " has no text '" + std::string(key) + "'");
    return *std::move(text);
}

sdk::Result<std::uint64_t> require_uint(const Value& object, std::string_view key, const std::string& what)
{
    auto number = find_uint(object, key);
    if (!number)
        return sdk::make_error(sdk::Code::invalid, what + " has no whole number '" + std::string(key) + "'");
    return *number;
}

Object from_error(const sdk::Error& error)
{
    Object object;
    object.set("code", sdk::to_string(error.code)).set("message", error.message);
    object.set("hint", error.hint).set("during", error.during);
    return object;
}

sdk::Error to_error(const Value& value)
{
    sdk::Error error;
    error.code = sdk::code_from_string(string_or(value, "code")).value_or(sdk::Code::internal);
    error.message = string_or(value, "message", "an error without a message");
    error.hint = string_or(value, "hint");
    error.during = find_strings(value, "during");
    return error;
}

}  // namespace banger::json
