// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "object_reader.hpp"

#include <rapidjson/error/en.h>

#include <algorithm>
#include <numeric>

namespace banger::debian {
namespace {

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool made_of(std::string_view text, std::initializer_list<std::string_view> allowed)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char letter) {
        return std::any_of(allowed.begin(), allowed.end(),
                           [&](std::string_view set) { return set.find(letter) != std::string_view::npos; });
    });
}

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
    if (!problem_)
        problem_ = sdk::make_error(sdk::Code::invalid, subject_ + " " + what);
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

sdk::Result<rapidjson::Document> parse_object(const std::string& text, const std::string& subject)
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

bool is_package_name(const std::string& text)
{
    return text.size() > 1 && made_of(text, {lower, digits, "+-."}) && made_of(text.substr(0, 1), {lower, digits});
}

bool is_suite_name(const std::string& text)
{
    return made_of(text, {lower, upper, digits, "-._"}) && made_of(text.substr(0, 1), {lower, upper, digits});
}

bool is_unit_name(const std::string& text)
{
    return made_of(text, {lower, upper, digits, ":_.@-\\"}) && text != "." && text != "..";
}

bool is_absolute_path(const std::string& text)
{
    if (text.size() < 2 || text.front() != '/')
        return false;
    if (std::any_of(text.begin(), text.end(), [](char letter) { return static_cast<unsigned char>(letter) < 32; }))
        return false;
    for (std::size_t at = 1; at <= text.size();) {
        const auto end = std::min(text.find('/', at), text.size());
        const auto part = text.substr(at, end - at);
        if (part.empty() || part == "." || part == "..")
            return false;
        at = end + 1;
    }
    return true;
}

}  // namespace banger::debian
