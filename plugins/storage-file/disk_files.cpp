// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "qcow2_overlay.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

constexpr std::string_view top_end = ".qcow2";
constexpr std::size_t most_digits = 9;  // of a generation, so that there is always a next one

// Of what stands between "ROLE" and ".qcow2": nothing, or ".N-TAG".
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

sdk::Result<std::string> random_tag()
{
    std::array<unsigned char, 4> bytes{};
    if (::getentropy(bytes.data(), bytes.size()) != 0)
        return sdk::os_error("draw a random name");
    std::array<char, 9> text{};
    (void)std::snprintf(text.data(), text.size(), "%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
    return std::string(text.data());
}

}  // namespace

// A role becomes a file's name, so it is one plain word.
sdk::Result<DiskFiles> DiskFiles::of(const sdk::Owner& owner, const std::string& role)
{
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (role.empty() || role.size() > 32 || !std::all_of(role.begin(), role.end(), plain))
        return make_error(Code::invalid, "'" + role + "' is no role of a disk");
    return DiskFiles(owner.directory, role);
}

sdk::Result<std::vector<DiskFiles::Top>> DiskFiles::tops() const
{
    const auto names = os::list_directory(directory_);
    if (!names)
        return names.error();
    std::vector<Top> tops;
    for (const std::string_view name : *names) {
        if (!name.starts_with(role_) || !name.ends_with(top_end) || name.size() < role_.size() + top_end.size())
            continue;
        const auto middle = name.substr(role_.size(), name.size() - role_.size() - top_end.size());
        if (const auto generation = generation_in(middle))
            tops.push_back({*generation, directory_ + "/" + std::string(name)});
    }
    std::sort(tops.begin(), tops.end(), [](const Top& a, const Top& b) { return a.generation < b.generation; });
    return tops;
}

sdk::Result<std::string> DiskFiles::next_top() const
{
    const auto all = tops();
    if (!all)
        return all.error();
    const auto tag = random_tag();
    if (!tag)
        return tag.error();
    const unsigned generation = all->empty() ? 1 : all->back().generation + 1;
    return stem_ + "." + std::to_string(generation) + "-" + *tag + std::string(top_end);
}

sdk::Result<std::vector<std::string>> DiskFiles::existing() const
{
    std::vector<std::string> paths{raw(), unfinished(), freeze(), freeze() + ".new"};
    std::erase_if(paths, [](const std::string& path) { return !os::exists(path); });
    const auto all = tops();
    if (!all && all.error().code == Code::not_found)
        return paths;
    if (!all)
        return all.error();
    for (const auto& top : *all)
        paths.push_back(top.path);
    return paths;
}

sdk::Result<sdk::Disk> DiskFiles::open() const
{
    const auto all = tops();
    if (!all)
        return all.error();
    struct stat status {};
    const bool is_raw = ::stat(raw().c_str(), &status) == 0;
    if (is_raw && !all->empty())
        return make_error(Code::corrupt,
                          "disk '" + role_ + "' is there twice: " + raw() + " and " + all->back().path,
                          "remove the one that you did not mean");
    if (is_raw)
        return sdk::Disk{role_, raw(), "raw", false, static_cast<std::uint64_t>(status.st_size)};
    if (all->empty())
        return make_error(Code::not_found, "disk '" + role_ + "' was never made, or its data is gone: there is no " +
                                               raw() + " and no " + first(qcow2_word));
    const std::string& path = all->back().path;
    auto fd = os::open_file(path, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    auto overlay = read_qcow2_overlay(fd->get());
    if (!overlay)
        return make_error(Code::corrupt,
                          "disk '" + role_ + "' is damaged: " + path + " is no qcow2 image over a layer");
    return sdk::Disk{role_, path, "qcow2", false, overlay->bytes,
                     sdk::Layer{std::move(overlay->backing_path), 0, std::move(overlay->backing_format)}};
}

sdk::Result<void> DiskFiles::grow(const sdk::Disk& disk, std::uint64_t bytes)
{
    auto fd = os::open_file(disk.path, O_RDWR | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    if (disk.format == "qcow2")
        return grow_qcow2_overlay(fd->get(), bytes);
    if (::ftruncate(fd->get(), static_cast<off_t>(bytes)) == 0 && ::fsync(fd->get()) == 0)
        return {};
    const int why = errno;
    auto error = sdk::os_error("make " + disk.path + " " + std::to_string(bytes) + " bytes long", why);
    if (why == EFBIG)
        error.code = Code::unsupported;
    return error;
}

sdk::Result<void> write_top(const std::string& path, std::uint64_t bytes, const sdk::Layer& layer)
{
    auto fd = os::open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    if (auto wrote = write_qcow2_overlay(fd->get(), {bytes, layer.path, layer.format}); !wrote)
        return wrote;
    if (::fsync(fd->get()) != 0)
        return sdk::os_error("write " + path);
    return {};
}

}  // namespace banger::file
