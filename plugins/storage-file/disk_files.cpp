// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "banger/sdk/os/file.hpp"
#include "qcow2_overlay.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

sdk::Result<Qcow2Overlay> read_top(const std::string& path, const std::string& role)
{
    auto fd = os::open_file(path, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    auto overlay = read_qcow2_overlay(fd->get());
    if (!overlay)
        return make_error(Code::corrupt, "disk '" + role + "' is damaged: " + path + " is no qcow2 image");
    return overlay;
}

// A length of 0 reaches to the file's end and beyond.
bool is_locked(const std::string& path, off_t start, off_t length)
{
    const os::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd)
        return false;
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = start;
    lock.l_len = length;
    return ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
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

std::string DiskFiles::qcow2(unsigned generation) const
{
    return generation == 0 ? stem_ + ".qcow2" : stem_ + "." + std::to_string(generation) + ".qcow2";
}

std::optional<unsigned> DiskFiles::generation() const
{
    std::optional<unsigned> newest;
    constexpr std::string_view end = ".qcow2";
    const auto names = os::list_directory(directory_);
    if (!names)
        return newest;
    for (const auto& name : *names) {
        if (!name.starts_with(role_ + ".") || !name.ends_with(end))
            continue;
        if (name == role_ + std::string(end)) {
            newest = std::max(newest.value_or(0), 0U);
            continue;
        }
        const std::string_view number(name.data() + role_.size() + 1, name.size() - role_.size() - 1 - end.size());
        unsigned generation = 0;
        const auto read = std::from_chars(number.data(), number.data() + number.size(), generation);
        if (read.ec == std::errc() && read.ptr == number.data() + number.size())
            newest = std::max(newest.value_or(0), generation);
    }
    return newest;
}

std::vector<std::string> DiskFiles::existing() const
{
    std::vector<std::string> paths{raw(), unfinished(), freeze()};
    if (const auto newest = generation())
        for (unsigned i = 0; i <= *newest; ++i)
            paths.push_back(qcow2(i));
    std::erase_if(paths, [](const std::string& path) { return !os::exists(path); });
    return paths;
}

sdk::Result<sdk::Disk> DiskFiles::open() const
{
    const auto newest = generation();
    struct stat status {};
    const bool is_raw = ::stat(raw().c_str(), &status) == 0;
    if (is_raw && newest)
        return make_error(Code::corrupt, "disk '" + role_ + "' is there twice: " + raw() + " and " + qcow2(*newest),
                          "remove the one that you did not mean");
    if (is_raw)
        return sdk::Disk{role_, raw(), "raw", false, static_cast<std::uint64_t>(status.st_size)};
    if (!newest)
        return make_error(Code::not_found, "disk '" + role_ + "' was never made, or its data is gone: there is no " +
                                               raw() + " and no " + qcow2(0));
    auto overlay = read_top(qcow2(*newest), role_);
    if (!overlay)
        return std::move(overlay).error();
    return sdk::Disk{role_, qcow2(*newest), "qcow2", false, overlay->bytes};
}

sdk::Result<sdk::Layer> DiskFiles::layer() const
{
    auto overlay = read_top(qcow2(generation().value_or(0)), role_);
    if (!overlay)
        return std::move(overlay).error();
    return sdk::Layer{overlay->backing_path, 0, {}};
}

sdk::Result<void> DiskFiles::grow(const sdk::Disk& disk, std::uint64_t bytes)
{
    if (is_in_use(disk.path))
        return make_error(Code::busy, "disk '" + disk.role + "' cannot grow while it is in use: " + disk.path,
                          "stop the VM first");
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

sdk::Result<std::uint64_t> bytes_in(const sdk::Layer& layer)
{
    struct stat status {};
    if (::stat(layer.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return make_error(Code::not_found, "the layer " + layer.path + " is gone", "pull the VM's image again");
    if (layer.format == "raw")
        return static_cast<std::uint64_t>(status.st_size);
    if (layer.format != "qcow2")
        return make_error(Code::unsupported,
                          "storage 'file' makes no disks over layers of format '" + layer.format + "'");
    auto overlay = read_top(layer.path, layer.path);
    if (!overlay)
        return std::move(overlay).error();
    return overlay->bytes;
}

bool is_in_use(const std::string& path)
{
    return is_locked(path, 0, 0);
}

bool is_written(const std::string& path)
{
    constexpr off_t write_permission = 100 + 1;
    return is_locked(path, write_permission, 1);
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
