// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_storage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "banger/sdk/disk_check.hpp"
#include "banger/sdk/os/file.hpp"
#include "disk_files.hpp"
#include "layer_chain.hpp"
#include "reflink.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

sdk::Result<void> check(const sdk::DiskSpec& spec)
{
    if (spec.format != raw_word && spec.format != qcow2_word)
        return make_error(Code::unsupported, "storage 'file' makes no disks of format '" + spec.format + "'");
    if (auto legal = sdk::check_covers_layer(spec); !legal)
        return legal;
    if (spec.format == raw_word && spec.layer.format != "raw")
        return make_error(Code::unsupported, "a raw disk cannot stand on a layer of format '" + spec.layer.format + "'");
    auto chain = chain_of(spec.layer);
    if (!chain)
        return std::move(chain).error();
    return sdk::check_layer_length(spec, chain->front());
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

sdk::Result<void> write_raw(const std::string& path, const sdk::DiskSpec& spec)
{
    auto fd = os::open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    if (auto wrote = write_clone(fd->get(), spec); !wrote)
        return wrote;
    if (::fsync(fd->get()) != 0)
        return sdk::os_error("write disk '" + spec.role + "'");
    return {};
}

// The name comes last: whoever sees it has a whole disk.
sdk::Result<void> publish(const DiskFiles& files, const sdk::DiskSpec& spec)
{
    auto wrote = spec.format == raw_word ? write_raw(files.unfinished(), spec)
                                         : write_top(files.unfinished(), spec.bytes, spec.layer);
    if (!wrote)
        return wrote;
    if (::rename(files.unfinished().c_str(), files.first(spec.format).c_str()) != 0)
        return sdk::os_error("make " + files.first(spec.format));
    return os::sync_directory(spec.owner.directory);
}

sdk::Result<void> remove_files(const DiskFiles& files)
{
    const auto paths = files.existing();
    if (!paths)
        return paths.error();
    for (const std::string& path : *paths)
        if (auto removed = os::remove_file(path); !removed)
            return removed;
    return {};
}

// An overlay is worth only what lies under it, so that is checked before a guest sees holes in its file system.
sdk::Result<sdk::Layer> find_layer(const sdk::Layer& under, const sdk::DiskSpec& spec)
{
    auto chain = chain_of(under);
    if (!chain)
        return std::move(chain).error().while_doing("attach disk '" + spec.role + "'");
    if (auto right = sdk::check_stands_on(*chain, spec); !right)
        return std::move(right).error();
    return chain->front();
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
        auto files = DiskFiles::of(spec.owner, spec.role);
        if (!files)
            return std::move(files).error();
        if (auto checked = check(spec); !checked)
            return checked;
        const auto existing = files->existing();
        if (!existing)
            return existing.error();
        for (const std::string& path : *existing)
            if (path != files->unfinished())
                return make_error(Code::exists, "disk '" + spec.role + "' is there already: " + path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto published = publish(*files, spec);
        if (!published)
            (void)remove_files(*files);
        return published;
    }

    sdk::Result<std::vector<sdk::Handle>> plan(const sdk::DiskSpec& spec) override
    {
        if (auto files = DiskFiles::of(spec.owner, spec.role); !files)
            return std::move(files).error();
        return std::vector<sdk::Handle>{};
    }

    sdk::Result<sdk::Attached<sdk::Disk>> attach(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        auto files = DiskFiles::of(spec.owner, spec.role);
        if (!files)
            return std::move(files).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto disk = files->open();
        if (!disk)
            return std::move(disk).error();
        if (disk->layer) {
            auto layer = find_layer(*disk->layer, spec);
            if (!layer)
                return std::move(layer).error();
            disk->layer = std::move(*layer);
        }
        if (disk->bytes < spec.bytes) {
            if (auto legal = sdk::check_length(spec); !legal)
                return std::move(legal).error();
            if (auto unused = sdk::check_unused(disk->path, spec.role); !unused)
                return std::move(unused).error().while_doing("grow disk '" + spec.role + "'");
            if (auto grown = DiskFiles::grow(*disk, spec.bytes); !grown)
                return std::move(grown).error().while_doing("grow disk '" + spec.role + "'");
            disk->bytes = spec.bytes;
        }
        return sdk::Attached<sdk::Disk>{std::move(*disk), {"storage/0", "file", spec.role, spec.owner, {}}};
    }

    sdk::Result<void> release(const sdk::Handle& /*handle*/) override { return {}; }

    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto files = DiskFiles::of(handle.owner, handle.key);
        if (!files)
            return std::move(files).error();
        sdk::Inspection inspection;
        if (const auto disk = files->open()) {
            inspection.facts = {{"data", disk->path}, {"bytes", std::to_string(disk->bytes)}};
            inspection.facts.merge(sdk::size_facts(disk->path));
            if (disk->layer)
                inspection.facts.emplace("layer", disk->layer->path);
        }
        return inspection;
    }

    sdk::Result<std::vector<sdk::Handle>> list() override { return std::vector<sdk::Handle>{}; }

    sdk::Result<void> destroy(const sdk::Owner& owner, const std::string& role) override
    {
        auto files = DiskFiles::of(owner, role);
        if (!files)
            return std::move(files).error();
        if (os::exists(files->freeze()))
            return make_error(Code::busy, "disk '" + role + "' is being frozen");
        const auto paths = files->existing();
        if (!paths)
            return paths.error();
        for (const std::string& path : *paths)
            if (auto unused = sdk::check_unused(path, role); !unused)
                return unused;
        return remove_files(*files);
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
