// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/catalogue.hpp"

#include "cli/render/table.hpp"
#include "cli/render/values.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

std::string size_of(const json::Value& entry)
{
    const auto bytes = json::find_uint(entry, "bytes");
    return bytes && *bytes > 0 ? base::format_size(*bytes) : std::string();
}

std::string name_of(const json::Value& entry)
{
    return json::string_or(entry, "name") + (json::bool_or(entry, "default") ? " (default)" : "");
}

std::string users_of(const json::Value& entry)
{
    std::string text;
    for (const auto& vm : json::find_strings(entry, "used_by"))
        text += (text.empty() ? "" : ", ") + vm;
    return text;
}

std::vector<std::string> fact_lines(const json::Value& entry)
{
    std::vector<std::string> lines;
    if (const json::Value* facts = json::find(entry, "facts"); facts != nullptr && facts->IsObject())
        for (const auto& fact : facts->GetObject())
            lines.push_back(std::string(fact.name.GetString(), fact.name.GetStringLength()) + " = " +
                            value_text(fact.value));
    return lines;
}

}  // namespace

std::string image_table(const json::Value& list, std::size_t columns)
{
    Table table({"NAME", "STATE", "SIZE", "KERNEL", "DESCRIPTION"});
    if (const json::Value* images = json::find(list, "images"); images != nullptr && images->IsArray())
        for (const auto& image : images->GetArray())
            table.add({name_of(image), json::string_or(image, "state"), size_of(image), value_text(image, "kernel"),
                       value_text(image, "description")});
    return table.text(columns);
}

std::string kernel_table(const json::Value& list, std::size_t columns)
{
    Table table({"NAME", "STATE", "SIZE", "VERSION", "DESCRIPTION"});
    if (const json::Value* kernels = json::find(list, "kernels"); kernels != nullptr && kernels->IsArray())
        for (const auto& kernel : kernels->GetArray())
            table.add({name_of(kernel), json::string_or(kernel, "state"), size_of(kernel),
                       value_text(kernel, "version"), value_text(kernel, "description")});
    return table.text(columns);
}

std::string spare_table(const json::Value& list, std::size_t columns)
{
    const json::Value* images = json::find(list, "images");
    if (images == nullptr || !images->IsArray() || images->Empty())
        return "there is nothing to delete\n";
    Table table({"NAME", "SIZE", "WHY", "ID"});
    for (const auto& image : images->GetArray())
        table.add({json::string_or(image, "name"), size_of(image), json::string_or(image, "why"), json::string_or(image, "id")});
    return table.text(columns) + base::format_size(json::uint_or(list, "freed_bytes")) + " in all\n";
}

std::string catalogue_page(const json::Value& entry, std::size_t columns)
{
    Facts facts;
    for (const char* key : {"name", "description", "state", "problem", "default", "source", "kernel", "version", "id"})
        facts.add(key, value_text(entry, key));
    facts.add("size", size_of(entry));
    facts.add("created", value_text(entry, "created"));
    facts.add("used by", users_of(entry));
    facts.add("facts", fact_lines(entry));
    return facts.text(columns);
}

}  // namespace banger::cli
