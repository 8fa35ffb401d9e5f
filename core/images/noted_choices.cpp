// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/noted_choices.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "core/model/json.hpp"

namespace banger::images {
namespace {

using sdk::Result;

constexpr std::int64_t nanoseconds = 1'000'000'000;  // in a second

bool is_called(const Image& image, const std::string& name)
{
    return image.name == name ||
           std::find(image.other_names.begin(), image.other_names.end(), name) != image.other_names.end();
}

std::int64_t now_in_nanoseconds()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// From now on the name leads to this one of the images.
void give_name(Image& image, const std::string& name, const std::vector<Image>& images)
{
    if (name.empty())
        return;
    if (!is_called(image, name))
        image.other_names.push_back(name);
    std::int64_t others = 0;
    for (const auto& other : images)
        if (other.id != image.id)
            others = std::max(others, named_at(other, name).value_or(0));
    if (others >= *named_at(image, name))  // a clock may stand still, or go back
        image.named[name] = std::max(now_in_nanoseconds(), others + 1);
}

void choose(Image& image, const ImageChoices& choices, bool keep)
{
    image.kept = image.kept || keep || !choices.name.empty();
    if (!choices.kernel.empty()) {
        image.kernel = choices.kernel;
        image.kernel_chosen = true;
    }
    if (choices.disk_bytes != 0)
        image.disk_bytes = choices.disk_bytes;
}

// What somebody else may have had noted since the image was read.
void take_choices(Image& image, const Image& noted)
{
    image.other_names = noted.other_names;
    image.named = noted.named;
    image.kept = noted.kept;
    image.disk_bytes = noted.disk_bytes;
    image.kernel_chosen = noted.kernel_chosen;
    if (noted.kernel_chosen)
        image.kernel = noted.kernel;
}

bool same_choices(const Image& one, const Image& other)
{
    return one.other_names == other.other_names && one.named == other.named && one.kernel == other.kernel &&
           one.kept == other.kept && one.kernel_chosen == other.kernel_chosen && one.disk_bytes == other.disk_bytes;
}

Result<void> write_choices(const std::string& path, const Image& image)
{
    const auto text = sdk::os::read_file(path);
    if (!text)
        return text.error();
    auto record = json::parse_object(*text, "image.json");
    if (!record)
        return record.error();
    constexpr std::array noted{"other_names", "named", "kernel", "kept", "kernel_chosen", "disk_bytes"};
    json::Object changed;
    for (const auto& member : record->GetObject())
        if (std::find(noted.begin(), noted.end(), std::string_view(member.name.GetString())) == noted.end())
            changed.set(member.name.GetString(), member.value);
    json::Object when;
    for (const auto& [name, time] : image.named)
        when.set(name, time);
    changed.set("other_names", image.other_names).set("named", when).set("kernel", image.kernel);
    changed.set("kept", image.kept).set("kernel_chosen", image.kernel_chosen).set("disk_bytes", image.disk_bytes);
    return sdk::os::write_file_atomic(path, json::to_pretty(changed.value()), 0444);
}

}  // namespace

std::optional<std::int64_t> named_at(const Image& image, const std::string& name)
{
    if (!is_called(image, name))
        return std::nullopt;
    const auto taken = image.named.find(name);
    return taken == image.named.end() ? image.created * nanoseconds : taken->second;
}

Result<Image> note_choices(const std::string& record_path, Image image, const std::vector<Image>& images,
                           const std::string& name, const ImageChoices& choices, bool keep)
{
    for (const auto& one : images)
        if (one.id == image.id && one.problem.empty())
            take_choices(image, one);
    const Image before = image;
    give_name(image, name, images);
    give_name(image, choices.name, images);
    choose(image, choices, keep);
    if (!same_choices(image, before))
        if (auto written = write_choices(record_path, image); !written)
            return std::move(written).error();
    return image;
}

}  // namespace banger::images
