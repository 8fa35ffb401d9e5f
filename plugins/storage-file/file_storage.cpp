// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_storage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "qcow2_overlay.hpp"
#include "reflink.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

constexpr std::string_view raw_word = "disk:raw";
constexpr std::string_view qcow2_word = "disk:qcow2";

/// The files that a disk may be.
struct Paths {
    std::string raw;
    std::string qcow2;
    std::string unfinished;

    [[nodiscard]] const std::string& of(std::string_view format) const { return format == raw_word ? raw : qcow2; }
};

// A role becomes a file's name, so it is one plain word.
sdk::Result<Paths> paths_of(const sdk::Owner& owner, const std::string& role)
{
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    if (role.empty() || role.size() > 32 || !std::all_of(role.begin(), role.end(), plain))
        return make_error(Code::invalid, "'" + role + "' is no role of a disk");
    const std::string stem = owner.directory + "/" + role;
    return Paths{stem + ".raw", stem + ".qcow2", stem + ".new"};
}

sdk::Result<std::uint64_t> size_of_layer(const sdk::Layer& layer)
{
    struct stat status {};
    if (::stat(layer.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return make_error(Code::not_found, "the layer " + layer.path + " is gone", "pull the VM's image again");
    return static_cast<std::uint64_t>(status.st_size);
}

sdk::Result<void> check(const sdk::DiskSpec& spec)
{
    if (spec.format != raw_word && spec.format != qcow2_word)
        return make_error(Code::unsupported, "storage 'file' makes no disks of format '" + spec.format + "'");
    if (spec.bytes == 0 || spec.bytes % 4096 != 0)
        return make_error(Code::invalid, "disk '" + spec.role + "' cannot be " + std::to_string(spec.bytes) +
                                             " bytes long: that is not a multiple of 4096");
    if (spec.bytes < spec.layer.bytes)
        return make_error(Code::invalid,
                          "disk '" + spec.role + "' of " + std::to_string(spec.bytes) +
                              " bytes is smaller than its image of " + std::to_string(spec.layer.bytes),
                          "ask for a larger disk");
    auto bytes = size_of_layer(spec.layer);
    if (!bytes)
        return std::move(bytes).error();
    if (*bytes != spec.layer.bytes)
        return make_error(Code::corrupt, "the layer " + spec.layer.path + " has another size than its image says",
                          "delete the image and pull it again");
    return {};
}

sdk::Result<void> write_clone(int fd, const sdk::DiskSpec& spec)
{
    auto layer = os::open_file(spec.layer.path, O_RDONLY);
    if (!layer)
        return std::move(layer).error();
    if (auto cloned = clone_blocks(layer->get(), fd); !cloned) {
        if (cloned.error().code != Code::unsupported)
            return cloned;
        return make_error(Code::unsupported,
                          "disk '" + spec.role + "' as a raw file would be a copy of the whole image: " +
                              spec.owner.directory + " cannot share blocks with " + spec.layer.path,
                          "keep images and VMs on one file system with reflinks (XFS, Btrfs), or use a VMM that takes "
                          "qcow2 disks");
    }
    if (::ftruncate(fd, static_cast<off_t>(spec.bytes)) != 0)
        return sdk::os_error("extend disk '" + spec.role + "' to " + std::to_string(spec.bytes) + " bytes");
    return {};
}

sdk::Result<void> write_data(const std::string& path, const sdk::DiskSpec& spec)
{
    auto fd = os::open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    auto wrote = spec.format == raw_word ? write_clone(fd->get(), spec)
                                         : write_qcow2_overlay(fd->get(), {spec.bytes, spec.layer.path});
    if (!wrote)
        return wrote;
    if (::fsync(fd->get()) != 0)
        return sdk::os_error("write disk '" + spec.role + "'");
    return {};
}

// The name comes last: whoever sees it has a whole disk.
sdk::Result<void> publish(const Paths& paths, const sdk::DiskSpec& spec)
{
    if (auto wrote = write_data(paths.unfinished, spec); !wrote)
        return wrote;
    if (::rename(paths.unfinished.c_str(), paths.of(spec.format).c_str()) != 0)
        return sdk::os_error("make " + paths.of(spec.format));
    return os::sync_directory(spec.owner.directory);
}

sdk::Result<void> remove_files(const Paths& paths)
{
    for (const std::string* path : {&paths.raw, &paths.qcow2, &paths.unfinished})
        if (auto removed = os::remove_file(*path); !removed)
            return removed;
    return {};
}

// QEMU and its tools hold open-file-description locks on the images they use (fcntl(2), F_OFD_GETLK).
bool is_in_use(const std::string& path)
{
    const os::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd)
        return false;
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

sdk::Result<sdk::Disk> open_raw(const Paths& paths, const std::string& role)
{
    struct stat status {};
    if (::stat(paths.raw.c_str(), &status) != 0)
        return sdk::os_error("look at " + paths.raw);
    return sdk::Disk{role, paths.raw, "raw", false, static_cast<std::uint64_t>(status.st_size)};
}

// An overlay is worth only what lies under it, so that is checked before a guest sees holes in its file system.
sdk::Result<sdk::Disk> open_qcow2(const Paths& paths, const sdk::DiskSpec& spec)
{
    auto fd = os::open_file(paths.qcow2, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    auto overlay = read_qcow2_overlay(fd->get());
    if (!overlay)
        return make_error(Code::corrupt, "disk '" + spec.role + "' is damaged: " + paths.qcow2 + " is no qcow2 image");
    if (overlay->backing_path != spec.layer.path)
        return make_error(Code::corrupt, "disk '" + spec.role + "' stands on " + overlay->backing_path +
                                             " and not on its image's " + spec.layer.path);
    auto bytes = size_of_layer(spec.layer);
    if (!bytes)
        return std::move(bytes).error().while_doing("attach disk '" + spec.role + "'");
    if (*bytes != spec.layer.bytes)
        return make_error(Code::corrupt, "the layer " + spec.layer.path + " under disk '" + spec.role +
                                             "' is no longer the one that it was made over");
    return sdk::Disk{spec.role, paths.qcow2, "qcow2", false, overlay->bytes};
}

sdk::Result<sdk::Disk> open_disk(const Paths& paths, const sdk::DiskSpec& spec)
{
    const bool raw = os::exists(paths.raw);
    const bool qcow2 = os::exists(paths.qcow2);
    if (raw && qcow2)
        return make_error(Code::corrupt,
                          "disk '" + spec.role + "' is there twice: " + paths.raw + " and " + paths.qcow2,
                          "remove the one that you did not mean");
    if (!raw && !qcow2)
        return make_error(
            Code::not_found,
            "disk '" + spec.role + "' was never made, or its data is gone: there is no " + paths.of(spec.format));
    return raw ? open_raw(paths, spec.role) : open_qcow2(paths, spec);
}

class FileStorage final : public sdk::Storage {
public:
    explicit FileStorage(sdk::Host& host) : host_(host) {}

    sdk::Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        // Images and disks are in the same state directory; where they are not on one file system, create falls back.
        const bool clones = can_clone(host_.vms_directory(), host_.vms_directory());
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = clones ? "disks are raw files that share their blocks with the image"
                              : "disks are qcow2 files over the image: " + host_.vms_directory() +
                                    " is on a file system without reflinks";
        if (clones)
            probe.offers.emplace_back(raw_word);
        probe.offers.emplace_back(qcow2_word);
        probe.facts = {{"reflink", clones ? "yes" : "no"}};
        return probe;
    }

    sdk::Result<void> create(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        auto paths = paths_of(spec.owner, spec.role);
        if (!paths)
            return std::move(paths).error();
        if (auto checked = check(spec); !checked)
            return checked;
        for (const std::string* path : {&paths->raw, &paths->qcow2})
            if (os::exists(*path))
                return make_error(Code::exists, "disk '" + spec.role + "' is there already: " + *path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto published = publish(*paths, spec);
        if (!published)
            (void)remove_files(*paths);
        return published;
    }

    sdk::Result<std::vector<sdk::Handle>> plan(const sdk::DiskSpec& spec) override
    {
        if (auto paths = paths_of(spec.owner, spec.role); !paths)
            return std::move(paths).error();
        return std::vector<sdk::Handle>{};
    }

    sdk::Result<sdk::Attached<sdk::Disk>> attach(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        auto paths = paths_of(spec.owner, spec.role);
        if (!paths)
            return std::move(paths).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto disk = open_disk(*paths, spec);
        if (!disk)
            return std::move(disk).error();
        return sdk::Attached<sdk::Disk>{std::move(*disk), {"storage/0", "file", spec.role, spec.owner, {}}};
    }

    sdk::Result<void> release(const sdk::Handle& /*handle*/) override { return {}; }

    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto paths = paths_of(handle.owner, handle.key);
        if (!paths)
            return std::move(paths).error();
        sdk::Inspection inspection;
        for (const std::string* path : {&paths->raw, &paths->qcow2})
            if (os::exists(*path))
                inspection.facts = {{"data", *path}};
        return inspection;
    }

    sdk::Result<std::vector<sdk::Handle>> list() override { return std::vector<sdk::Handle>{}; }

    sdk::Result<void> destroy(const sdk::Owner& owner, const std::string& role) override
    {
        auto paths = paths_of(owner, role);
        if (!paths)
            return std::move(paths).error();
        for (const std::string* path : {&paths->raw, &paths->qcow2})
            if (is_in_use(*path))
                return make_error(Code::busy, "disk '" + role + "' is in use: " + *path, "stop the VM first");
        return remove_files(*paths);
    }

private:
    sdk::Host& host_;
};

}  // namespace

std::unique_ptr<sdk::Storage> make_storage(sdk::Host& host)
{
    return std::make_unique<FileStorage>(host);
}

}  // namespace banger::file
