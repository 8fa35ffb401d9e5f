// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/catalogue.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <tuple>

#include "core/base/nearest.hpp"
#include "core/images/recipe_identity.hpp"
#include "core/model/json.hpp"

namespace banger::images {

extern const char* const embedded_catalogue;  // made by the build from catalogue.json

namespace {

using sdk::Code;
using sdk::Error;
using sdk::Result;

constexpr std::uint64_t catalogue_format_version = 1;

Error wrong(const std::string& what)
{
    return sdk::make_error(Code::invalid, "the catalogue is wrong: " + what);
}

Result<void> check_keys(const json::Value& object, const std::vector<std::string>& known, const std::string& what)
{
    for (const auto& member : object.GetObject()) {
        const std::string key(member.name.GetString(), member.name.GetStringLength());
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            auto error = wrong(what + " has an unknown key '" + key + "'");
            return std::move(error).with_hint(base::suggestion(key, known));
        }
    }
    return {};
}

Result<SourceChoice> read_choice(const json::Value& value, const std::string& what)
{
    auto source = json::string_or(value, "source");
    if (source.empty())
        return wrong(what + " has no source");
    const auto* recipe = json::find(value, "recipe");
    if (recipe == nullptr || !recipe->IsObject())
        return wrong(what + " has no recipe");
    return SourceChoice{std::move(source), json::to_text(*recipe)};
}

// One, or a list of them in order of preference.
Result<std::vector<SourceChoice>> read_choices(const json::Value& value, const std::string& what)
{
    const auto* list = json::find(value, "sources");
    std::vector<SourceChoice> choices;
    if (list == nullptr) {
        auto choice = read_choice(value, what);
        if (!choice)
            return std::move(choice).error();
        choices.push_back(std::move(*choice));
        return choices;
    }
    if (!list->IsArray() || list->Empty() || json::find(value, "source") != nullptr || json::find(value, "recipe") != nullptr)
        return wrong(what + " has sources that are no list, or a source beside them");
    for (const auto& item : list->GetArray()) {
        if (!item.IsObject())
            return wrong(what + " has a source that is no object");
        if (auto checked = check_keys(item, {"source", "recipe"}, "a source of " + what); !checked)
            return std::move(checked).error();
        auto choice = read_choice(item, what);
        if (!choice)
            return std::move(choice).error();
        choices.push_back(std::move(*choice));
    }
    return choices;
}

// A bundle is what its digest says, wherever it is. What another source may make in its place is not.
std::string identity_of_bundle(const CatalogueEntry& entry)
{
    if (entry.source != "catalog" || !entry.others.empty())
        return {};
    const auto recipe = json::parse(entry.recipe, "the recipe");
    return recipe ? json::string_or(*recipe, "digest") : std::string();
}

Result<CatalogueEntry> read_entry(const json::Value& value, const std::string& kind)
{
    if (!value.IsObject())
        return wrong("one of its " + kind + "s is not an object");
    CatalogueEntry entry;
    entry.name = json::string_or(value, "name");
    if (!is_catalogue_name(entry.name))
        return wrong(kind + " name '" + entry.name + "' is not one word of a-z, 0-9, '-' and '.'");
    const std::string what = kind + " '" + entry.name + "'";
    std::vector<std::string> keys{"name", "description", "default", "source", "recipe", "sources"};
    if (kind == "image")
        keys.emplace_back("kernel");
    if (auto checked = check_keys(value, keys, what); !checked)
        return std::move(checked).error();

    entry.description = json::string_or(value, "description");
    if (entry.description.empty())
        return wrong(what + " has no description");
    entry.kernel = json::string_or(value, "kernel");
    if (const auto* is_default = json::find(value, "default")) {
        if (!is_default->IsBool())
            return wrong("'default' of " + what + " is neither true nor false");
        entry.is_default = is_default->GetBool();
    }
    auto choices = read_choices(value, what);
    if (!choices)
        return std::move(choices).error();
    entry.source = std::move(choices->front().source);
    entry.recipe = std::move(choices->front().recipe);
    entry.others.assign(std::make_move_iterator(choices->begin() + 1), std::make_move_iterator(choices->end()));
    entry.identity = identity_of_bundle(entry);
    return entry;
}

Result<std::vector<CatalogueEntry>> read_entries(const json::Value& catalogue, const char* key, const std::string& kind)
{
    const auto* list = json::find(catalogue, key);
    if (list == nullptr || !list->IsArray())
        return wrong("it has no list '" + std::string(key) + "'");
    std::vector<CatalogueEntry> entries;
    for (const auto& value : list->GetArray()) {
        auto entry = read_entry(value, kind);
        if (!entry)
            return std::move(entry).error();
        for (const auto& other : entries)
            if (other.name == entry->name)
                return wrong("two " + kind + "s are named '" + entry->name + "'");
        entries.push_back(std::move(*entry));
    }
    if (std::count_if(entries.begin(), entries.end(), [](const auto& entry) { return entry.is_default; }) != 1)
        return wrong("not exactly one " + kind + " is the default");
    return entries;
}

Result<CatalogueEntry> look_up(const std::vector<CatalogueEntry>& entries, const std::string& name,
                               const std::string& kind)
{
    std::vector<std::string> names;
    for (const auto& entry : entries) {
        if (entry.name == name)
            return entry;
        names.push_back(entry.name);
    }
    std::string hint = base::nearest(name, names) ? base::suggestion(name, names) + " " : std::string();
    hint += "`banger " + kind + " list` shows all";
    return sdk::make_error(Code::not_found, "there is no " + kind + " '" + name + "'", std::move(hint));
}

std::string default_of(const std::vector<CatalogueEntry>& entries)
{
    for (const auto& entry : entries)
        if (entry.is_default)
            return entry.name;
    return {};
}

}  // namespace

// Names are arguments, parts of messages and of host names.
bool is_catalogue_name(const std::string& name)
{
    return !name.empty() && name.size() <= 63 && name.front() != '-' && name.front() != '.' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos && !is_recipe_id(name);
}

const Catalogue& Catalogue::built_in()
{
    static const Catalogue catalogue = [] {
        auto parsed = parse(embedded_catalogue);
        if (!parsed) {  // a defect of the build; a test parses it
            std::fprintf(stderr, "banger: built with a bad catalogue: %s\n", parsed.error().message.c_str());
            std::abort();
        }
        return std::move(*parsed);
    }();
    return catalogue;
}

namespace {

Result<json::Document> open_catalogue(const std::string& text)
{
    auto document = json::parse_object(text, "the catalogue");
    if (!document)
        return document;
    const auto version = json::require_uint(*document, "version", "the catalogue");
    if (!version)
        return version.error();
    if (*version != catalogue_format_version)
        return sdk::make_error(Code::unsupported, "the catalogue has version " + std::to_string(*version) +
                                                      ", this banger reads version " + std::to_string(catalogue_format_version));
    if (auto checked = check_keys(*document, {"version", "images", "kernels"}, "it"); !checked)
        return std::move(checked).error();
    return document;
}

}  // namespace

Result<std::vector<std::string>> Catalogue::add(const std::string& text)
{
    const auto document = open_catalogue(text);
    if (!document)
        return document.error();
    std::vector<std::string> left_out;
    for (const auto& [list, kind, known] : {std::tuple{"kernels", "kernel", &kernels_}, std::tuple{"images", "image", &images_}}) {
        const auto* values = json::find(*document, list);
        if (values == nullptr || !values->IsArray())
            continue;
        for (const auto& value : values->GetArray()) {
            auto entry = read_entry(value, kind);
            if (!entry) {
                left_out.push_back(entry.error().message);
                continue;
            }
            entry->is_default = false;
            if (look_up(*known, entry->name, kind))
                left_out.push_back(std::string(kind) + " '" + entry->name + "' is another catalogue's already");
            else if (known == &images_ && !look_up(kernels_, entry->kernel, "kernel"))
                left_out.push_back("image '" + entry->name + "' wants kernel '" + entry->kernel + "', which no catalogue has");
            else
                known->push_back(std::move(*entry));
        }
    }
    return left_out;
}

Result<Catalogue> Catalogue::parse(const std::string& text)
{
    const auto document = open_catalogue(text);
    if (!document)
        return document.error();

    auto images = read_entries(*document, "images", "image");
    if (!images)
        return std::move(images).error();
    auto kernels = read_entries(*document, "kernels", "kernel");
    if (!kernels)
        return std::move(kernels).error();
    for (const auto& image : *images)
        if (auto kernel = look_up(*kernels, image.kernel, "kernel"); !kernel)
            return wrong("image '" + image.name + "' wants kernel '" + image.kernel + "', which it does not have");

    Catalogue catalogue;
    catalogue.version_ = static_cast<int>(catalogue_format_version);
    catalogue.images_ = std::move(*images);
    catalogue.kernels_ = std::move(*kernels);
    return catalogue;
}

Result<CatalogueEntry> Catalogue::image(const std::string& name) const
{
    return look_up(images_, name, "image");
}

Result<CatalogueEntry> Catalogue::kernel(const std::string& name) const
{
    return look_up(kernels_, name, "kernel");
}

std::string Catalogue::default_image() const
{
    return default_of(images_);
}

std::string Catalogue::default_kernel() const
{
    return default_of(kernels_);
}

}  // namespace banger::images
