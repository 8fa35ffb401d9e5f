// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/disk_tops.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk {
namespace {

constexpr std::size_t longest_role = 32;
constexpr std::size_t most_digits = 9;  // of a generation, so that there is always a next one

// Of what stands between "ROLE" and the ending: nothing, or ".N-TAG".
std::optional<unsigned> generation_in(std::string_view text)
{
    if (text.empty())
        return 0;
    const auto dash = text.find('-');
    if (text[0] != '.' || dash == std::string_view::npos || dash - 1 > most_digits)
        return std::nullopt;
    unsigned generation = 0;
    const auto read = std::from_chars(text.data() + 1, text.data() + dash, generation);
    if (read.ec != std::errc() || read.ptr != text.data() + dash || generation == 0)
        return std::nullopt;
    return generation;
}

Result<std::string> random_tag()
{
    std::array<unsigned char, 4> bytes{};
    if (::getentropy(bytes.data(), bytes.size()) != 0)
        return os_error("draw a random name");
    std::array<char, 9> text{};
    (void)std::snprintf(text.data(), text.size(), "%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    return std::string(text.data());
}

}  // namespace

Result<DiskTops> DiskTops::of(std::string directory, std::string role, std::string ending)
{
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (role.empty() || role.size() > longest_role || !std::all_of(role.begin(), role.end(), plain))
        return make_error(Code::invalid, "'" + role + "' is no role of a disk");
    return DiskTops(std::move(directory), std::move(role), std::move(ending));
}

Result<std::vector<DiskTops::Top>> DiskTops::list() const
{
    const auto names = os::list_directory(directory_);
    if (!names)
        return names.error();
    std::vector<Top> tops;
    for (const std::string_view name : *names) {
        if (!name.starts_with(role_) || !name.ends_with(ending_) || name.size() < role_.size() + ending_.size())
            continue;
        const auto middle = name.substr(role_.size(), name.size() - role_.size() - ending_.size());
        if (const auto generation = generation_in(middle))
            tops.push_back({*generation, directory_ + "/" + std::string(name)});
    }
    std::sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.generation < b.generation; });
    return tops;
}

Result<std::string> DiskTops::next() const
{
    const auto all = list();
    if (!all)
        return all.error();
    const auto tag = random_tag();
    if (!tag)
        return tag.error();
    const unsigned generation = all->empty() ? 1 : all->back().generation + 1;
    return directory_ + "/" + role_ + "." + std::to_string(generation) + "-" + *tag + ending_;
}

}  // namespace banger::sdk
