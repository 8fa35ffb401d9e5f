// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "plugins/json/object_reader.hpp"

#include <rapidjson/error/en.h>

#include <algorithm>
#include <numeric>

namespace banger::plugin_json {
namespace {

// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view from, std::string_view to)
{
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
        }
    }
    return row.back();
}

}  // namespace

ObjectReader::ObjectReader(const rapidjson::Value& object, std::string subject, std::optional<sdk::Error>& problem)
    : object_(object), subject_(std::move(subject)), problem_(problem)
{
}

void ObjectReader::complain(const std::string& what)
{
    complain(sdk::make_error(sdk::Code::invalid, subject_ + " " + what));
}

void ObjectReader::complain(sdk::Error error)
{
    if (!problem_)
        problem_ = std::move(error);
}

const rapidjson::Value* ObjectReader::find(const char* key)
{
    known_.insert(key);
    const auto member = object_.FindMember(key);
    return member == object_.MemberEnd() ? nullptr : &member->value;
}

std::string ObjectReader::text(const char* key, const Check& check, const std::string& otherwise)
{
    const auto* value = find(key);
    if (value == nullptr)
        return otherwise;
    if (!value->IsString()) {
        complain("has a '" + std::string(key) + "' that is not text");
        return otherwise;
    }
    std::string text = string_of(*value);
    if (!check(text))
        complain("has the " + std::string(key) + " '" + text + "', which cannot be one");
    return text;
}

std::string ObjectReader::required_text(const char* key, const Check& check)
{
    if (find(key) == nullptr) {
        complain("has no '" + std::string(key) + "'");
        return {};
    }
    return text(key, check);
}

std::vector<std::string> ObjectReader::texts(const char* key, const Check& check, std::vector<std::string> otherwise)
{
    const auto* value = find(key);
    if (value == nullptr)
        return otherwise;
    std::vector<std::string> list;
    if (!value->IsArray()) {
        complain("has a '" + std::string(key) + "' that is not a list");
        return list;
    }
    for (const auto& item : value->GetArray()) {
        if (!item.IsString() || !check(string_of(item))) {
            complain("has " + (item.IsString() ? "'" + string_of(item) + "'" : std::string("something")) + " in '" +
                     key + "', which cannot be there");
            return list;
        }
        list.push_back(string_of(item));
    }
    return list;
}

std::uint64_t ObjectReader::number(const char* key, std::uint64_t least, std::uint64_t most, std::uint64_t otherwise)
{
    const auto* value = find(key);
    if (value == nullptr)
        return otherwise;
    if (!value->IsUint64() || value->GetUint64() < least || value->GetUint64() > most) {
        complain("has a '" + std::string(key) + "' that is not a number from " + std::to_string(least) + " to " +
                 std::to_string(most));
        return otherwise;
    }
    return value->GetUint64();
}

bool ObjectReader::flag(const char* key, bool otherwise)
{
    const auto* value = find(key);
    if (value == nullptr)
        return otherwise;
    if (!value->IsBool())
        complain("has a '" + std::string(key) + "' that is neither true nor false");
    return value->IsTrue();
}

const rapidjson::Value* ObjectReader::object(const char* key)
{
    const auto* value = find(key);
    if (value == nullptr || value->IsObject())
        return value;
    complain("has a '" + std::string(key) + "' that is not an object");
    return nullptr;
}

void ObjectReader::each(const char* key, const Check& check,
                        const std::function<void(const std::string&, const rapidjson::Value&)>& take)
{
    const auto* members = object(key);
    if (members == nullptr)
        return;
    for (const auto& member : members->GetObject()) {
        const std::string name = string_of(member.name);
        if (!check(name))
            complain("has '" + name + "' in '" + key + "', which cannot be there");
        else
            take(name, member.value);
    }
}

void ObjectReader::objects(const char* key, const std::function<void(ObjectReader&)>& take)
{
    const auto* list = find(key);
    if (list == nullptr)
        return;
    if (!list->IsArray())
        return complain("has a '" + std::string(key) + "' that is not a list");
    for (const auto& item : list->GetArray()) {
        if (!item.IsObject())
            return complain("has something in '" + std::string(key) + "' that is not an object");
        ObjectReader reader(item, subject_ + ", in '" + key + "',", problem_);
        take(reader);
        reader.refuse_others();
    }
}

void ObjectReader::refuse_others()
{
    for (const auto& member : object_.GetObject()) {
        const std::string key = string_of(member.name);
        if (known_.contains(key) || problem_)
            continue;
        complain("has an unknown key '" + key + "'");
        const auto nearest = std::min_element(known_.begin(), known_.end(), [&](const auto& a, const auto& b) {
            return distance(key, a) < distance(key, b);
        });
        if (nearest != known_.end() && distance(key, *nearest) <= key.size() / 3 + 1)
            problem_->hint = "did you mean '" + *nearest + "'?";
    }
}

std::string string_of(const rapidjson::Value& value)
{
    return {value.GetString(), value.GetStringLength()};
}

sdk::Result<rapidjson::Document> parse_object(std::string_view text, const std::string& subject)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseFullPrecisionFlag | rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError())
        return sdk::make_error(sdk::Code::invalid,
                               subject + " is not JSON: " + rapidjson::GetParseError_En(document.GetParseError()) +
                                   " (at byte " + std::to_string(document.GetErrorOffset()) + ")");
    if (!document.IsObject())
        return sdk::make_error(sdk::Code::invalid, subject + " is not a JSON object");
    return document;
}

sdk::Result<void> read_section(std::string_view text, const std::string& plugin,
                               const std::function<void(ObjectReader&)>& read)
{
    const std::string subject = "the configuration of plugin " + plugin;
    auto document = parse_object(text, subject);
    if (!document)
        return std::move(document).error();
    std::optional<sdk::Error> problem;
    ObjectReader section(*document, subject, problem);
    read(section);
    section.refuse_others();
    return problem ? sdk::Result<void>(std::move(*problem)) : sdk::Result<void>();
}

bool is_not_empty(const std::string& text)
{
    return !text.empty();
}

bool is_any(const std::string& /*text*/)
{
    return true;
}

}  // namespace banger::plugin_json
