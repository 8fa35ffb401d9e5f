// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_fork.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "disk_files.hpp"
#include "reflink.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

// Before the instant, so that the instant need not wait for the disk.
Result<void> flush(const std::string& path)
{
    auto fd = os::open_file(path, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    if (::fdatasync(fd->get()) != 0)
        return sdk::os_error("flush " + path);
    return {};
}

Result<void> add_name(const std::string& path, const std::string& name)
{
    if (::link(path.c_str(), name.c_str()) == 0)
        return os::sync_directory(name.substr(0, name.rfind('/')));
    auto error = sdk::os_error("name " + name);
    if (errno == EXDEV)
        error.hint = "layers and VMs must be on one file system";
    return error;
}

/// One freeze of one disk, as its files tell it.
class FreezeUnderWay {
public:
    explicit FreezeUnderWay(DiskFiles files) : files_(std::move(files)) {}

    /// The path of the layer that is being made; none if no freeze is under way.
    [[nodiscard]] Result<std::optional<std::string>> layer_path() const
    {
        auto text = os::read_file(files_.freeze(), 8192);
        if (text)
            return std::optional(std::move(*text));
        if (text.error().code == Code::not_found)
            return std::optional<std::string>();
        return std::move(text).error();
    }

    Result<sdk::Freeze> begin(const sdk::FreezeSpec& spec)
    {
        auto disk = files_.open();
        if (!disk)
            return std::move(disk).error();
        if (auto flushed = flush(disk->path); !flushed)
            return std::move(flushed).error();
        if (auto noted = os::write_file_atomic(files_.freeze(), spec.layer_path); !noted)
            return std::move(noted).error();
        auto freeze =
            disk->format == "raw" ? Result<sdk::Freeze>(cloned_at_the_instant(*disk, spec)) : with_new_top(*disk, spec);
        if (!freeze)
            (void)undo(spec.layer_path, stands_on(spec.layer_path) ? "" : disk->path);
        return freeze;
    }

    /// The freeze's end: the layer is whole, and the disk stands on it or beside it.
    Result<sdk::Layer> finish(const std::string& path)
    {
        auto disk = files_.open();
        if (!disk)
            return std::move(disk).error();
        if (disk->format == "qcow2" && !stands_on(path))
            return make_error(Code::precondition, "disk '" + disk->role + "' has no top over " + path + " yet");
        if (disk->format == "raw")
            if (auto cloned = clone(*disk, path); !cloned)
                return std::move(cloned).error();
        if (auto forgotten = forget(); !forgotten)
            return std::move(forgotten).error();
        return layer_at(path, *disk);
    }

    /// What release does: see StorageFork.
    Result<void> settle(const std::string& path)
    {
        auto disk = files_.open();
        if (!disk)
            return std::move(disk).error();
        const bool new_top = disk->format == "qcow2" && stands_on(path);
        // The old top is the layer's file, by its other name.
        if (new_top && !is_written(path)) {
            auto finished = finish(path);
            return finished ? Result<void>() : std::move(finished).error();
        }
        return undo(path, new_top ? "" : disk->path);
    }

private:
    static sdk::Freeze cloned_at_the_instant(const sdk::Disk& disk, const sdk::FreezeSpec& spec)
    {
        return {sdk::Layer{spec.layer_path, disk.bytes, "raw"}, std::nullopt, true};
    }

    Result<sdk::Freeze> with_new_top(const sdk::Disk& disk, const sdk::FreezeSpec& spec)
    {
        if (auto named = add_name(disk.path, spec.layer_path); !named)
            return std::move(named).error();
        const sdk::Layer layer{spec.layer_path, disk.bytes, "qcow2"};
        if (auto wrote = write_top(files_.unfinished(), disk.bytes, layer); !wrote)
            return std::move(wrote).error();
        const std::string top = files_.qcow2(*files_.generation() + 1);
        if (::rename(files_.unfinished().c_str(), top.c_str()) != 0)
            return sdk::os_error("make " + top);
        if (auto synced = os::sync_directory(spec.disk.owner.directory); !synced)
            return std::move(synced).error();
        return sdk::Freeze{layer, sdk::Disk{disk.role, top, "qcow2", false, disk.bytes}, false};
    }

    static Result<void> clone(const sdk::Disk& disk, const std::string& path)
    {
        const std::string half = path + ".new";
        auto from = os::open_file(disk.path, O_RDONLY);
        auto to = os::open_file(half, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
        if (!from || !to)
            return std::move(from ? to.error() : from.error());
        if (auto cloned = clone_blocks(from->get(), to->get()); !cloned)
            return cloned;
        if (::fsync(to->get()) != 0 || ::rename(half.c_str(), path.c_str()) != 0)
            return sdk::os_error("make the layer " + path);
        return os::sync_directory(path.substr(0, path.rfind('/')));
    }

    static bool is_same_file(const std::string& one, const std::string& other)
    {
        struct stat a {};
        struct stat b {};
        return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
    }

    [[nodiscard]] bool stands_on(const std::string& path) const
    {
        const auto layer = files_.layer();
        return layer && layer->path == path;
    }

    static Result<sdk::Layer> layer_at(const std::string& path, const sdk::Disk& disk)
    {
        sdk::Layer layer{path, 0, disk.format};
        auto bytes = bytes_in(layer);
        if (!bytes)
            return std::move(bytes).error();
        layer.bytes = *bytes;
        return layer;
    }

    Result<void> forget()
    {
        if (auto removed = os::remove_file(files_.freeze()); !removed)
            return removed;
        const std::string path = files_.freeze();
        return os::sync_directory(path.substr(0, path.rfind('/')));
    }

    // `kept`: the disk's top if there is no new one. Only names go that begin made, and never the last one of a file.
    Result<void> undo(const std::string& path, const std::string& kept)
    {
        if (kept.empty())
            if (auto removed = os::remove_file(files_.qcow2(*files_.generation())); !removed)
                return removed;
        std::vector<std::string> names{files_.unfinished(), path + ".new"};
        if (const auto disk = files_.open(); disk && is_same_file(disk->path, path))
            names.push_back(path);  // another freeze's layer has another file
        for (const std::string& name : names)
            if (auto removed = os::remove_file(name); !removed)
                return removed;
        return forget();
    }

    DiskFiles files_;
};

class FileFork final : public sdk::StorageFork {
public:
    explicit FileFork(sdk::Host& host) : host_(host) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = "disks are files: an overlay becomes the layer, a raw file is cloned";
        return probe;
    }

    Result<std::vector<sdk::Handle>> plan(const sdk::FreezeSpec& spec) override
    {
        if (auto files = DiskFiles::of(spec.disk.owner, spec.disk.role); !files)
            return std::move(files).error();
        return std::vector{handle_of(spec.disk.owner, spec.disk.role, {})};
    }

    Result<sdk::Attached<sdk::Freeze>> attach(const sdk::FreezeSpec& spec, sdk::Call& call) override
    {
        auto files = DiskFiles::of(spec.disk.owner, spec.disk.role);
        if (!files)
            return std::move(files).error();
        if (!spec.layer_path.starts_with('/'))
            return make_error(Code::invalid, "the path of a layer is not absolute: " + spec.layer_path);
        FreezeUnderWay freeze(*files);
        auto other = freeze.layer_path();
        if (!other)
            return std::move(other).error();
        if (*other)
            return make_error(Code::busy, "disk '" + spec.disk.role + "' is being frozen already");
        if (os::exists(spec.layer_path))
            return make_error(Code::exists, "there is a layer already: " + spec.layer_path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto begun = freeze.begin(spec);
        if (!begun)
            return std::move(begun).error().while_doing("freeze disk '" + spec.disk.role + "'");
        return sdk::Attached<sdk::Freeze>{std::move(*begun),
                                          handle_of(spec.disk.owner, spec.disk.role, {{"layer", spec.layer_path}})};
    }

    Result<sdk::Layer> commit(const sdk::Handle& handle) override
    {
        auto files = DiskFiles::of(handle.owner, handle.key);
        if (!files)
            return std::move(files).error();
        FreezeUnderWay freeze(*files);
        auto path = freeze.layer_path();
        if (!path)
            return std::move(path).error();
        if (*path)
            return freeze.finish(**path);
        // Done already: the handle of the attach knows what was made.
        const auto made = handle.bound.find("layer");
        auto disk = files->open();
        if (made == handle.bound.end() || !disk || !os::exists(made->second))
            return make_error(Code::not_found, "disk '" + handle.key + "' is not being frozen");
        sdk::Layer layer{made->second, 0, disk->format};
        auto bytes = bytes_in(layer);
        if (!bytes)
            return std::move(bytes).error();
        layer.bytes = *bytes;
        return layer;
    }

    Result<void> release(const sdk::Handle& handle) override
    {
        auto files = DiskFiles::of(handle.owner, handle.key);
        if (!files)
            return std::move(files).error();
        FreezeUnderWay freeze(*files);
        auto path = freeze.layer_path();
        if (!path)
            return std::move(path).error();
        return *path ? freeze.settle(**path) : Result<void>();
    }

    Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto files = DiskFiles::of(handle.owner, handle.key);
        if (!files)
            return std::move(files).error();
        auto path = FreezeUnderWay(*files).layer_path();
        if (!path)
            return std::move(path).error();
        return *path ? sdk::Inspection{true, {{"layer", **path}}} : sdk::Inspection{};
    }

    Result<std::vector<sdk::Handle>> list() override
    {
        std::vector<sdk::Handle> handles;
        constexpr std::string_view note = ".freeze";
        const auto vms = os::list_directory(host_.vms_directory());
        if (!vms)
            return handles;
        for (const auto& vm : *vms) {
            const sdk::Owner owner{host_.instance(), vm, host_.vms_directory() + "/" + vm};
            const auto names = os::list_directory(owner.directory);
            if (!names)
                continue;  // no directory, or gone
            for (const auto& name : *names)
                if (name.ends_with(note))
                    handles.push_back(handle_of(owner, name.substr(0, name.size() - note.size()), {}));
        }
        return handles;
    }

private:
    static sdk::Handle handle_of(const sdk::Owner& owner, const std::string& role, sdk::Fields bound)
    {
        return {"storage.fork/0", "file", role, owner, std::move(bound)};
    }

    sdk::Host& host_;
};

}  // namespace

std::unique_ptr<sdk::StorageFork> make_storage_fork(sdk::Host& host)
{
    return std::make_unique<FileFork>(host);
}

}  // namespace banger::file
