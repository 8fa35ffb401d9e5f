// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "freeze.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/flush.hpp"
#include "layer_chain.hpp"
#include "qcow2_overlay.hpp"
#include "reflink.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

class FileFreeze final : public sdk::DiskFreeze {
public:
    FileFreeze(DiskFiles files, std::string layer_path) : files_(std::move(files)), layer_path_(std::move(layer_path)) {}

    Result<void> check(const sdk::FreezeSpec& spec, const sdk::Call& call) override;
    Result<sdk::Freeze> prepare() override;
    Result<bool> has_happened() override;
    Result<void> seal() override;
    Result<sdk::Layer> layer() override;
    Result<std::vector<std::string>> undo() override;

private:
    [[nodiscard]] std::string clone_path() const { return layer_path_ + ".new"; }
    [[nodiscard]] bool has_top(const sdk::Disk& disk) const { return disk.layer && disk.layer->path == layer_path_; }
    [[nodiscard]] Result<sdk::Freeze> add_top(const sdk::Disk& disk) const;
    [[nodiscard]] Result<void> seal_old_top(const sdk::Disk& disk) const;
    [[nodiscard]] Result<void> clone(const sdk::Disk& disk) const;
    [[nodiscard]] Result<void> remove_top(const sdk::Disk& disk) const;

    const DiskFiles files_;
    const std::string layer_path_;
};

Result<void> FileFreeze::check(const sdk::FreezeSpec& spec, const sdk::Call& call)
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (disk->layer) {
        auto layers = chain_of(*disk->layer);
        if (!layers)
            return std::move(layers).error();
        if (auto shallow = sdk::check_depth(*layers, most_layers, spec.disk.role); !shallow)
            return shallow;
        if (!os::tells_writers(files_.directory()))
            return make_error(Code::unsupported, "no running VM can be frozen in " + files_.directory() +
                                                     ": its file system does not tell who writes a file");
    }
    return os::flush_path(disk->path, call.cancel_descriptor());
}

Result<sdk::Freeze> FileFreeze::prepare()
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (disk->layer)
        return add_top(*disk);
    return sdk::Freeze{sdk::Layer{layer_path_, disk->bytes, "raw"}, std::nullopt};
}

Result<sdk::Freeze> FileFreeze::add_top(const sdk::Disk& disk) const
{
    if (auto named = os::add_name(disk.path, layer_path_); !named)
        return std::move(named).error();
    const sdk::Layer layer{layer_path_, disk.bytes, "qcow2"};
    if (auto wrote = write_top(files_.unfinished(), disk.bytes, layer); !wrote)
        return std::move(wrote).error();
    auto path = files_.tops().next();
    if (!path)
        return std::move(path).error();
    if (::rename(files_.unfinished().c_str(), path->c_str()) != 0)
        return sdk::os_error("make " + *path);
    if (auto synced = os::sync_directory(files_.directory()); !synced)
        return std::move(synced).error();
    return sdk::Freeze{layer, sdk::Disk{disk.role, *path, "qcow2", false, disk.bytes, layer}};
}

Result<bool> FileFreeze::has_happened()
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (!disk->layer)
        return os::is_same_file(clone_path(), layer_path_);
    if (!has_top(*disk))
        return false;
    // The layer's file is the old top's.
    auto written = os::is_written(layer_path_);
    if (!written)
        return std::move(written).error();
    return !*written;
}

Result<void> FileFreeze::seal()
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    return disk->layer ? seal_old_top(*disk) : clone(*disk);
}

Result<sdk::Layer> FileFreeze::layer()
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (auto removed = os::remove_file(clone_path()); !removed)
        return std::move(removed).error();
    auto layers = chain_of({layer_path_, 0, disk->format});
    if (!layers)
        return std::move(layers).error();
    return layers->front();
}

Result<void> FileFreeze::seal_old_top(const sdk::Disk& disk) const
{
    if (!has_top(disk))
        return make_error(Code::precondition, "disk '" + disk.role + "' has no top over " + layer_path_ + " yet");
    auto written = os::is_written(layer_path_);
    if (!written)
        return std::move(written).error();
    if (*written)
        return make_error(Code::precondition,
                          "disk '" + disk.role + "' is still written to below its new top, in " + layer_path_);
    return os::make_read_only(layer_path_);
}

// What is at the layer's path is a whole clone: it has another name until then.
Result<void> FileFreeze::clone(const sdk::Disk& disk) const
{
    if (os::is_same_file(clone_path(), layer_path_))
        return {};
    if (auto removed = os::remove_file(clone_path()); !removed)
        return removed;
    auto from = os::open_file(disk.path, O_RDONLY);
    auto to = os::open_file(clone_path(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (!from || !to)
        return std::move(from ? to.error() : from.error());
    if (auto cloned = clone_blocks(from->get(), to->get()); !cloned)
        return cloned;
    to->reset();
    if (auto closed = os::make_read_only(clone_path()); !closed)
        return closed;
    return os::add_name(clone_path(), layer_path_);
}

Result<std::vector<std::string>> FileFreeze::undo()
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (has_top(*disk)) {
        if (auto removed = remove_top(*disk); !removed)
            return std::move(removed).error();
        disk = files_.open();
        if (!disk)
            return std::move(disk).error();
    }
    std::vector<std::string> names{files_.unfinished(), clone_path()};
    if (os::is_same_file(disk->path, layer_path_))
        names.push_back(layer_path_);  // another freeze's layer has another file
    return names;
}

Result<void> FileFreeze::remove_top(const sdk::Disk& disk) const
{
    auto fd = os::open_file(disk.path, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    auto used = has_own_data(fd->get());
    if (!used)
        return std::move(used).error();
    if (*used)
        return make_error(Code::precondition,
                          "disk '" + disk.role + "' has data in its new top " + disk.path +
                              ", and somebody still writes to the old one",
                          "stop the VM, and whatever else has " + layer_path_ + " open");
    if (auto removed = os::remove_file(disk.path); !removed)
        return removed;
    return os::sync_directory(files_.directory());
}

}  // namespace

std::unique_ptr<sdk::DiskFreeze> make_freeze(DiskFiles files, std::string layer_path)
{
    return std::make_unique<FileFreeze>(std::move(files), std::move(layer_path));
}

}  // namespace banger::file
