// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/recipe_identity.hpp"

#include <algorithm>
#include <map>

#include "core/images/sha256.hpp"

namespace banger::images {
namespace {

// Raised when the same recipe would be imported into different disks: old imports are then not found any more.
constexpr int import_version = 1;
constexpr std::size_t id_digits = 16;

json::Value sorted(const json::Value& value, json::Document::AllocatorType& allocator)
{
    if (value.IsArray()) {
        json::Value list(rapidjson::kArrayType);
        for (const auto& item : value.GetArray())
            list.PushBack(sorted(item, allocator), allocator);
        return list;
    }
    if (!value.IsObject())
        return {value, allocator};
    std::map<std::string, const json::Value*> members;
    for (const auto& member : value.GetObject())
        members[std::string(member.name.GetString(), member.name.GetStringLength())] = &member.value;
    json::Value object(rapidjson::kObjectType);
    for (const auto& [key, member] : members)
        object.AddMember(json::Value(key, allocator), sorted(*member, allocator), allocator);
    return object;
}

}  // namespace

std::string canonical_json(const json::Value& value)
{
    json::Document document;
    return json::to_text(sorted(value, document.GetAllocator()));
}

std::string recipe_id(std::string_view kind, const CatalogueEntry& entry)
{
    std::string text = "banger " + std::string(kind) + " " + std::to_string(import_version) + "\n";
    text += std::to_string(entry.source.size()) + " " + entry.source + "\n";
    if (entry.identity.empty()) {
        const auto recipe = json::parse(entry.recipe, "the recipe of '" + entry.name + "'");
        text += recipe ? canonical_json(*recipe) : entry.recipe;
    } else {
        text += "identity " + entry.identity;
    }

    return hex(sha256(text)).substr(0, id_digits);
}

bool is_recipe_id(std::string_view text)
{
    return text.size() == id_digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::array<std::uint8_t, 16> derived_uuid(const std::string& id, std::string_view role)
{
    const auto digest = sha256("banger uuid\n" + id + "\n" + std::string(role));
    std::array<std::uint8_t, 16> uuid{};
    std::copy_n(digest.begin(), uuid.size(), uuid.begin());
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0fU) | 0x80U);  // version 8: by the maker's own rule
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3fU) | 0x80U);  // the variant of RFC 9562
    return uuid;
}

}  // namespace banger::images
