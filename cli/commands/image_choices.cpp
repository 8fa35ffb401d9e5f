// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/image_choices.hpp"

#include <algorithm>
#include <string_view>

#include "core/base/sizes.hpp"
#include "core/config/limits.hpp"

namespace banger::cli {

std::vector<Option> image_choice_options()
{
    return {{"kernel", 0, "NAME", "the kernel that its machines boot unless told otherwise", {}, false},
            {"size", 0, "SIZE", "how long its machines' disks are unless told otherwise, such as 20G", {}, false},
            {"platform", 0, "OS/ARCHITECTURE", "which image of several; linux/amd64 if left out", {}, false}};
}

sdk::Result<void> set_image_choices(const Arguments& arguments, json::Object& params)
{
    if (const auto kernel = arguments.value("kernel"))
        params.set("kernel", *kernel);
    if (const auto platform = arguments.value("platform")) {
        const auto slashes = std::count(platform->begin(), platform->end(), '/');
        if (slashes < 1 || slashes > 2 || platform->front() == '/' || platform->back() == '/')
            return sdk::make_error(sdk::Code::invalid, "'" + *platform + "' is no platform", "such as linux/amd64");
        params.set("platform", *platform);
    }
    if (const auto size = arguments.value("size")) {
        auto bytes = base::parse_size("--size", *size);
        if (!bytes)
            return std::move(bytes).error();
        if (auto legal = config::check_disk("--size", static_cast<std::int64_t>(*bytes)); !legal)
            return legal;
        params.set("disk_bytes", *bytes);
    }
    return {};
}

sdk::Result<void> check_own_name(const std::string& name)
{
    if (name.find_first_of(":/@") != std::string::npos)
        return {};
    return sdk::make_error(sdk::Code::invalid, "'" + name + "' cannot be told from a name of the catalogue",
                           "give it a tag, such as " + name + ":1");
}

std::string without_digest(const std::string& file)
{
    constexpr std::string_view suffix = ".tar.zst";
    constexpr std::size_t digits = 64;  // of a SHA-256
    const auto end = file.size() - std::min(file.size(), suffix.size() + digits);
    const bool named_so = end > 1 && file.ends_with(suffix) && file[end - 1] == '-' &&
                          file.find_first_not_of("0123456789abcdef", end) == file.size() - suffix.size();
    return named_so ? file.substr(0, end - 1) : file;
}

}  // namespace banger::cli
