// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "kernel_recipe.hpp"

#include <algorithm>

#include "words.hpp"

namespace banger::debian {

using plugin_json::ObjectReader;

namespace {

bool is_kernel_address(const std::string& text)
{
    return (text.starts_with("http://") || text.starts_with("https://") || text.starts_with("file:///")) &&
           std::none_of(text.begin(), text.end(),
                        [](char letter) { return static_cast<unsigned char>(letter) <= ' '; });
}

bool is_sha256(const std::string& text)
{
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool is_command_line(const std::string& text)
{
    return std::all_of(text.begin(), text.end(), [](char letter) { return letter >= ' ' && letter <= '~'; });
}

bool is_pocket(const std::string& text)
{
    return text == "updates" || text == "security" || text == "backports";
}

}  // namespace

Archive read_archive(ObjectReader& reader)
{
    Archive archive;
    archive.suite = reader.required_text("suite", is_suite_name);
    archive.components = reader.texts("components", is_suite_name, {"main"});
    archive.pockets = reader.texts("pockets", is_pocket);
    if (archive.components.empty())
        reader.complain("has no components");
    return archive;
}

sdk::Result<KernelRecipe> read_kernel_recipe(const std::string& text)
{
    const std::string subject = "the kernel recipe";
    auto document = plugin_json::parse_object(text, subject);
    if (!document)
        return std::move(document).error();
    std::optional<sdk::Error> problem;
    ObjectReader reader(*document, subject, problem);
    KernelRecipe recipe;
    if (document->HasMember("url")) {
        recipe.url = reader.required_text("url", is_kernel_address);
        recipe.sha256 = reader.required_text("sha256", is_sha256);
    } else {
        recipe.archive = read_archive(reader);
        recipe.package = reader.required_text("package", is_package_name);
    }
    recipe.command_line = reader.text("command_line", is_command_line);
    reader.refuse_others();
    if (problem)
        return *problem;
    return recipe;
}

}  // namespace banger::debian
