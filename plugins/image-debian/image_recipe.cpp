// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "image_recipe.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "kernel_recipe.hpp"
#include "plugins/json/object_reader.hpp"
#include "words.hpp"

namespace banger::debian {
namespace {

using plugin_json::ObjectReader;
using plugin_json::string_of;

constexpr const char* units = "/etc/systemd/system/";
constexpr const char* shipped_units = "/lib/systemd/system/";
constexpr const char* generators = "/etc/systemd/system-generators/";
constexpr const char* nothing = "/dev/null";

bool is_variant(const std::string& text)
{
    constexpr std::array known{"extract", "custom", "essential", "apt",     "required",
                               "minbase", "buildd", "important", "standard"};
    return std::find(known.begin(), known.end(), text) != known.end();
}

bool is_text(const std::string& text)
{
    return text.find('\0') == std::string::npos;
}

bool is_target(const std::string& text)
{
    return !text.empty() && text.find_first_of(std::string_view("\0\n", 2)) == std::string::npos;
}

bool is_mode(const std::string& text)
{
    return text.size() == 4 && text.find_first_not_of("01234567") == std::string::npos;
}

// find(1) takes it as a pattern: no pattern characters.
bool is_file_name(const std::string& text)
{
    return is_suite_name(text);
}

/// Reads "customize" into one Customization; what is said of units becomes links and removals.
class CustomizationReader {
public:
    CustomizationReader(const rapidjson::Value& object, std::optional<sdk::Error>& problem)
        : reader_(object, "the image recipe's 'customize'", problem), problem_(problem)
    {
    }

    Customization read()
    {
        reader_.each("files", is_absolute_path, [this](const auto& path, const auto& value) { file(path, value); });
        reader_.each("links", is_absolute_path, [this](const auto& path, const auto& value) {
            if (value.IsString() && is_target(string_of(value)))
                result_.links[path] = string_of(value);
            else
                reader_.complain("has a link '" + path + "' without a target");
        });
        result_.remove = reader_.texts("remove", is_absolute_path);
        reader_.each("prune", is_absolute_path, [this](const auto& path, const auto& value) { prune(path, value); });
        each_named("mask", [this](const auto& unit) { result_.links[units + unit] = nothing; });
        each_named("mask_generators", [this](const auto& name) { result_.links[generators + name] = nothing; });
        each_wanted("enable",
                    [this](const auto& link, const auto& unit) { result_.links[link] = shipped_units + unit; });
        each_wanted("disable", [this](const auto& link, const auto&) { result_.remove.push_back(link); });
        each_wanted("not_at_boot", [this](const auto& link, const auto&) { result_.links[link] = nothing; });
        reader_.refuse_others();
        refuse_contradictions();
        return std::move(result_);
    }

private:
    void file(const std::string& path, const rapidjson::Value& value)
    {
        if (value.IsString()) {
            result_.files[path] = {string_of(value)};
        } else if (value.IsObject()) {
            ObjectReader reader(value, "the image recipe's file '" + path + "'", problem_);
            FileContent content{reader.required_text("content", is_text)};
            content.mode = static_cast<mode_t>(std::strtoul(reader.text("mode", is_mode, "0644").c_str(), nullptr, 8));
            reader.refuse_others();
            result_.files[path] = std::move(content);
        } else {
            reader_.complain("has a file '" + path + "' that is neither text nor an object");
        }
    }

    void prune(const std::string& path, const rapidjson::Value& value)
    {
        auto& kept = result_.prune[path];
        if (!value.IsArray())
            return reader_.complain("has no list of names to keep for '" + path + "' in 'prune'");
        for (const auto& name : value.GetArray()) {
            if (!name.IsString() || !is_file_name(string_of(name)))
                return reader_.complain("has a name to keep below '" + path + "' that cannot be one");
            kept.push_back(string_of(name));
        }
    }

    // Every name has its reason beside it: a unit that is turned off for nothing would stay so for ever.
    template <typename Take>
    void each_named(const char* key, const Take& take)
    {
        reader_.each(key, is_unit_name, [&](const auto& name, const auto& why) {
            if (!why.IsString() || why.GetStringLength() == 0)
                reader_.complain("gives no reason for '" + name + "' in '" + key + "'");
            take(name);
        });
    }

    template <typename Take>
    void each_wanted(const char* key, const Take& take)
    {
        reader_.each(key, is_unit_name, [&](const auto& target, const auto& wanted) {
            if (!wanted.IsObject())
                return reader_.complain("has a '" + target + "' in '" + key + "' that is not an object");
            for (const auto& member : wanted.GetObject()) {
                const std::string unit = string_of(member.name);
                if (!is_unit_name(unit) || !member.value.IsString() || member.value.GetStringLength() == 0)
                    return reader_.complain("has '" + unit + "' in '" + key + "', which is no unit with a reason");
                take(units + target + ".wants/" + unit, unit);
            }
        });
    }

    void refuse_contradictions()
    {
        for (const auto& [path, target] : result_.links)
            if (result_.files.contains(path))
                reader_.complain("makes both a file and a link '" + path + "'");
        for (const auto& path : result_.remove)
            if (result_.files.contains(path) || result_.links.contains(path))
                reader_.complain("both makes and removes '" + path + "'");
    }

    ObjectReader reader_;
    std::optional<sdk::Error>& problem_;
    Customization result_;
};

}  // namespace

sdk::Result<ImageRecipe> read_image_recipe(const std::string& text)
{
    const std::string subject = "the image recipe";
    auto document = plugin_json::parse_object(text, subject);
    if (!document)
        return std::move(document).error();
    std::optional<sdk::Error> problem;
    ObjectReader reader(*document, subject, problem);
    ImageRecipe recipe;
    recipe.archive = read_archive(reader);
    recipe.variant = reader.text("variant", is_variant, "minbase");
    recipe.packages = reader.texts("packages", is_package_name);
    recipe.scratch_mib = reader.number("scratch_mib", 16, std::uint64_t{1} << 20U, 4096);
    if (const auto* customize = reader.object("customize"))
        recipe.customize = CustomizationReader(*customize, problem).read();
    reader.refuse_others();
    if (problem)
        return *problem;
    return recipe;
}

}  // namespace banger::debian
