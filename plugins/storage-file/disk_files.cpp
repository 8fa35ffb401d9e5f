// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "qcow2_overlay.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

}  // namespace

sdk::Result<DiskFiles> DiskFiles::of(const sdk::Owner& owner, const std::string& role)
{
    auto tops = sdk::DiskTops::of(owner.directory, role, ".qcow2");
    if (!tops)
        return std::move(tops).error();
    return DiskFiles(owner.directory, role, std::move(*tops));
}

sdk::Result<std::vector<std::string>> DiskFiles::existing() const
{
    std::vector<std::string> paths{raw(), unfinished(), freeze(), freeze() + ".new"};
    std::erase_if(paths, [](const std::string& path) { return !os::exists(path); });
    const auto all = tops_.list();
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
    const auto all = tops_.list();
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
