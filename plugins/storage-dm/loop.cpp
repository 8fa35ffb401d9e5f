// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "loop.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "table.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr int most_rivals = 16;  // other programs that take a free device before us

std::optional<loop_info64> info_of(int device)
{
    loop_info64 info{};
    if (::ioctl(device, LOOP_GET_STATUS64, &info) != 0)
        return std::nullopt;
    return info;
}

// What sysfs says spares opening devices of others, which might keep them busy for a moment.
bool may_be_ours(const std::string& name)
{
    const auto says = [&](const char* attribute, const char* wanted) {
        const auto text = os::read_file("/sys/block/" + name + "/" + attribute);
        return text && *text == wanted;
    };
    return says("loop/autoclear", "1\n") && says("loop/offset", "0\n") && says("loop/sizelimit", "0\n");
}

int flags_for(LoopDevice::Access access)
{
    return access == LoopDevice::Access::read_only ? O_RDONLY : O_RDWR;
}

Result<os::UniqueFd> open_node(const std::string& path, int flags)
{
    const os::OwnRights rights;
    return os::open_file(path, flags);
}

// Whoever may not open the file gets no device over it either, not even one that is there already.
Result<os::UniqueFd> open_backing(const std::string& path, LoopDevice::Access access)
{
    auto file = os::open_file(path, flags_for(access) | O_NOFOLLOW | O_NONBLOCK);
    if (!file)
        return file;
    struct stat status {};
    if (::fstat(file->get(), &status) != 0)
        return sdk::os_error("look at " + path);
    if (!S_ISREG(status.st_mode))
        return make_error(Code::not_found, path + " is no file");
    return file;
}

FileFacts facts_of(const os::UniqueFd& file)
{
    struct stat status {};
    (void)::fstat(file.get(), &status);
    return {{status.st_dev, status.st_ino}, static_cast<std::uint64_t>(status.st_size), status.st_mtime};
}

bool is_it(int device, const FileId& file, LoopDevice::Access access)
{
    const auto info = info_of(device);
    const bool read_only = access == LoopDevice::Access::read_only;
    return info && info->lo_device == file.device && info->lo_inode == file.inode &&
           ((info->lo_flags & LO_FLAGS_READ_ONLY) != 0) == read_only && (info->lo_flags & LO_FLAGS_AUTOCLEAR) != 0;
}

Result<void> check_length(int device, const std::string& path, std::uint64_t bytes)
{
    std::uint64_t there = 0;
    if (::ioctl(device, BLKGETSIZE64, &there) != 0)
        return sdk::os_error("ask how long the loop device of " + path + " is");
    if (there == bytes / sector_bytes * sector_bytes)
        return {};
    return make_error(Code::corrupt,
                      path + " is " + std::to_string(bytes) + " bytes long, and was " + std::to_string(there) +
                          " when it was attached",
                      "something wrote to a file that virtual machines stand on: stop them, and restore it");
}

sdk::Error no_device_left(const std::string& path, const sdk::Error& why)
{
    return make_error(Code::busy, "there is no loop device for " + path + ": " + why.message,
                      "`losetup --list` shows who has them all, and `modprobe loop` brings them where the kernel has them");
}

}  // namespace

Result<LoopDevice> LoopDevice::over(const std::string& path, Access access)
{
    auto backing = open_backing(path, access);
    if (!backing)
        return std::move(backing).error();
    const FileFacts file = facts_of(*backing);
    for (const auto& name : os::list_directory("/sys/block").value_or({})) {
        if (!name.starts_with("loop") || !may_be_ours(name))
            continue;
        const std::string node = "/dev/" + name;
        auto device = open_node(node, flags_for(access));
        if (!device || !is_it(device->get(), file.id, access))
            continue;
        if (auto whole = check_length(device->get(), path, file.bytes); !whole)
            return std::move(whole).error();
        return LoopDevice(node, std::move(*device));
    }
    return make(path, backing->get(), access);
}

Result<LoopDevice> LoopDevice::make(const std::string& path, int backing, Access access)
{
    auto control = open_node("/dev/loop-control", O_RDWR);
    if (!control)
        return no_device_left(path, control.error());
    for (int rival = 0; rival < most_rivals; ++rival) {
        const int number = ::ioctl(control->get(), LOOP_CTL_GET_FREE);
        if (number < 0)
            return no_device_left(path, sdk::os_error("find a free one"));
        const std::string node = "/dev/loop" + std::to_string(number);
        auto device = open_node(node, flags_for(access));
        if (!device)
            return no_device_left(path, device.error());
        loop_config config{};
        config.fd = static_cast<std::uint32_t>(backing);
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (access == Access::read_only ? LO_FLAGS_READ_ONLY : 0);
        if (::ioctl(device->get(), LOOP_CONFIGURE, &config) == 0)
            return LoopDevice(node, std::move(*device));
        if (errno != EBUSY)
            return sdk::os_error("attach " + path + " to " + node);
    }
    return no_device_left(path, sdk::os_error("take one before other programs do", EBUSY));
}

Result<FileId> LoopDevice::file_of(const std::string& number)
{
    auto device = open_node(loop_path_of(number), O_RDONLY);
    if (!device)
        return std::move(device).error();
    const auto info = info_of(device->get());
    if (!info)
        return make_error(Code::not_found, "device " + number + " is no loop device over a file");
    return FileId{info->lo_device, info->lo_inode};
}

std::string LoopDevice::number() const
{
    struct stat status {};
    (void)::fstat(held_.get(), &status);
    return std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
}

// The name's number is the minor only where the module was not told to make room for partitions (loop(4)).
std::string loop_path_of(const std::string& number)
{
    const auto text = os::read_file("/sys/dev/block/" + number + "/uevent");
    constexpr std::string_view key = "DEVNAME=";
    const auto at = text ? text->find(key) : std::string::npos;
    if (at == std::string::npos)
        return {};
    const auto begin = at + key.size();
    return "/dev/" + text->substr(begin, text->find('\n', begin) - begin);
}

}  // namespace banger::dm
