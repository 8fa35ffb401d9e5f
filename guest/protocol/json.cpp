// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/json.hpp"

namespace banger::agent {

sdk::Result<rapidjson::Document> parse_object(std::string_view text, std::string_view subject)
{
    rapidjson::Document document;
    // Iterative: a deeply nested text must not be able to use up the stack.
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return sdk::make_error(sdk::Code::invalid, std::string(subject) + " is not a JSON object");
    return document;
}

const rapidjson::Value* Fields::find(const char* key) const
{
    const auto member = object_.FindMember(key);
    return member == object_.MemberEnd() || member->value.IsNull() ? nullptr : &member->value;
}

void Fields::refuse(const char* key, std::string_view what)
{
    if (!error_)
        error_ =
            sdk::make_error(sdk::Code::invalid, "'" + std::string(key) + "' in " + subject_ + " " + std::string(what));
}

sdk::Result<void> Fields::verdict() const
{
    if (error_)
        return *error_;
    return {};
}

std::string Fields::text(const char* key)
{
    const auto* value = find(key);
    if (value == nullptr)
        return {};
    if (!value->IsString()) {
        refuse(key, "is not a string");
        return {};
    }
    return {value->GetString(), value->GetStringLength()};
}

std::int64_t Fields::number(const char* key, std::int64_t fallback)
{
    const auto* value = find(key);
    if (value == nullptr)
        return fallback;
    if (!value->IsInt64()) {
        refuse(key, "is not a whole number");
        return fallback;
    }
    return value->GetInt64();
}

bool Fields::flag(const char* key, bool fallback)
{
    const auto* value = find(key);
    if (value == nullptr)
        return fallback;
    if (!value->IsBool()) {
        refuse(key, "is not true or false");
        return fallback;
    }
    return value->GetBool();
}

std::vector<std::string> Fields::texts(const char* key)
{
    std::vector<std::string> texts;
    const auto* value = array(key);
    if (value == nullptr)
        return texts;
    for (const auto& item : value->GetArray()) {
        if (!item.IsString()) {
            refuse(key, "holds something that is not a string");
            return {};
        }
        texts.emplace_back(item.GetString(), item.GetStringLength());
    }
    return texts;
}

const rapidjson::Value* Fields::array(const char* key)
{
    const auto* value = find(key);
    if (value != nullptr && !value->IsArray()) {
        refuse(key, "is not an array");
        return nullptr;
    }
    return value;
}

const rapidjson::Value* Fields::object(const char* key)
{
    const auto* value = find(key);
    if (value != nullptr && !value->IsObject()) {
        refuse(key, "is not an object");
        return nullptr;
    }
    return value;
}

JsonText& JsonText::member(std::string_view name, const std::vector<std::string>& texts)
{
    key(name).begin_array();
    for (const auto& text : texts)
        value(text);
    return end_array();
}

std::string error_to_json(const sdk::Error& error)
{
    JsonText json;
    json.begin_object()
        .member("code", sdk::to_string(error.code))
        .member("message", error.message)
        .member("hint", error.hint)
        .member("during", error.during)
        .end_object();
    return json.str();
}

sdk::Error error_from_json(std::string_view text)
{
    auto document = parse_object(text, "the agent's error");
    if (!document)
        return sdk::make_error(sdk::Code::internal,
                               "the guest agent failed and said: " + std::string(text.substr(0, 200)));
    Fields fields(*document, "the agent's error");
    sdk::Error error;
    error.code = sdk::code_from_string(fields.text("code")).value_or(sdk::Code::internal);
    error.message = fields.text("message");
    error.hint = fields.text("hint");
    error.during = fields.texts("during");
    if (error.message.empty())
        error.message = "the guest agent failed without saying why";
    return error;
}

}  // namespace banger::agent
