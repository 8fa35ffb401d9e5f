// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "freeze.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "layer_chain.hpp"
#include "qcow2_overlay.hpp"
#include "reflink.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

std::string directory_of(const std::string& path)
{
    return path.substr(0, path.rfind('/'));
}

bool is_same_file(const std::string& one, const std::string& other)
{
    struct stat a {};
    struct stat b {};
    return ::lstat(one.c_str(), &a) == 0 && ::lstat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

Result<void> flush(const std::string& path, const sdk::Call& call)
{
    auto fd = os::open_file(path, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    return os::flush_file(std::move(*fd), path, call.cancel_descriptor());
}

// One file under two names, never over a third one's.
Result<void> add_name(const std::string& path, const std::string& name)
{
    if (::link(path.c_str(), name.c_str()) == 0)
        return os::sync_directory(directory_of(name));
    const int why = errno;
    auto error = sdk::os_error("name " + name, why);
    if (why == EXDEV)
        error.hint = "layers and VMs must be on one file system";
    return error;
}

// Also for whoever may write the file by its owner's right: a mistake is refused then.
Result<void> make_read_only(int fd, const std::string& path)
{
    if (::fchmod(fd, 0444) != 0 || ::fsync(fd) != 0)
        return sdk::os_error("make " + path + " read-only");
    return {};
}

Result<void> check_depth(const sdk::Disk& disk)
{
    if (!disk.layer)
        return {};
    auto chain = chain_of(*disk.layer);
    if (!chain)
        return std::move(chain).error();
    if (chain->size() < most_layers)
        return {};
    return make_error(Code::precondition,
                      "disk '" + disk.role + "' stands on " + std::to_string(chain->size()) +
                          " layers, and more would make it slow",
                      "fork a VM that is nearer to its image");
}

}  // namespace

Result<std::optional<FreezeUnderWay>> FreezeUnderWay::find(const DiskFiles& files)
{
    auto note = read_note(files.freeze());
    if (!note)
        return std::move(note).error();
    if (!*note)
        return std::optional<FreezeUnderWay>();
    return std::optional(FreezeUnderWay(files, std::move(**note)));
}

Result<sdk::Freeze> FreezeUnderWay::begin(const DiskFiles& files, const sdk::FreezeSpec& spec, const sdk::Call& call)
{
    auto disk = files.open();
    if (!disk)
        return std::move(disk).error();
    if (auto shallow = check_depth(*disk); !shallow)
        return std::move(shallow).error();
    if (disk->layer && !os::tells_writers(files.directory()))
        return make_error(Code::unsupported, "no running VM can be frozen in " + files.directory() +
                                                 ": its file system does not tell who writes a file");
    // Before the instant, so that the instant need not wait for the disk.
    if (auto flushed = flush(disk->path, call); !flushed)
        return std::move(flushed).error();
    const FreezeUnderWay freeze(files, {spec.layer_path, false});
    if (auto noted = write_note(files.freeze(), freeze.note_); !noted)
        return std::move(noted).error();
    auto ready = freeze.prepare(*disk);
    if (!ready)
        (void)freeze.undo();
    return ready;
}

Result<sdk::Freeze> FreezeUnderWay::prepare(const sdk::Disk& disk) const
{
    if (disk.layer)
        return add_top(disk);
    return sdk::Freeze{sdk::Layer{layer_path(), disk.bytes, "raw"}, std::nullopt};
}

Result<sdk::Freeze> FreezeUnderWay::add_top(const sdk::Disk& disk) const
{
    if (auto named = add_name(disk.path, layer_path()); !named)
        return std::move(named).error();
    const sdk::Layer layer{layer_path(), disk.bytes, "qcow2"};
    if (auto wrote = write_top(files_.unfinished(), disk.bytes, layer); !wrote)
        return std::move(wrote).error();
    auto path = files_.next_top();
    if (!path)
        return std::move(path).error();
    if (::rename(files_.unfinished().c_str(), path->c_str()) != 0)
        return sdk::os_error("make " + *path);
    if (auto synced = os::sync_directory(files_.directory()); !synced)
        return std::move(synced).error();
    return sdk::Freeze{layer, sdk::Disk{disk.role, *path, "qcow2", false, disk.bytes, layer}};
}

bool FreezeUnderWay::has_top(const sdk::Disk& disk) const
{
    return disk.layer && disk.layer->path == layer_path();
}

Result<bool> FreezeUnderWay::is_frozen() const
{
    if (note_.frozen)
        return true;
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (!disk->layer)
        return is_same_file(clone_path(), layer_path());
    if (!has_top(*disk))
        return false;
    // The layer's file is the old top's.
    auto written = os::is_written(layer_path());
    if (!written)
        return std::move(written).error();
    return !*written;
}

Result<sdk::Layer> FreezeUnderWay::commit()
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (!note_.frozen) {
        if (auto sealed = disk->layer ? seal(*disk) : clone(*disk); !sealed)
            return std::move(sealed).error();
        note_.frozen = true;
        if (auto noted = write_note(files_.freeze(), note_); !noted)
            return std::move(noted).error();
    }
    if (auto removed = os::remove_file(clone_path()); !removed)
        return std::move(removed).error();
    auto chain = chain_of({layer_path(), 0, disk->format});
    if (!chain)
        return std::move(chain).error();
    return chain->front();
}

Result<void> FreezeUnderWay::seal(const sdk::Disk& disk) const
{
    if (!has_top(disk))
        return make_error(Code::precondition, "disk '" + disk.role + "' has no top over " + layer_path() + " yet");
    auto written = os::is_written(layer_path());
    if (!written)
        return std::move(written).error();
    if (*written)
        return make_error(Code::precondition, "disk '" + disk.role + "' is still written to below its new top, in " +
                                                  layer_path());
    auto fd = os::open_file(layer_path(), O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    return make_read_only(fd->get(), layer_path());
}

// What is at the layer's path is a whole clone: it has another name until then.
Result<void> FreezeUnderWay::clone(const sdk::Disk& disk) const
{
    if (is_same_file(clone_path(), layer_path()))
        return {};
    if (auto removed = os::remove_file(clone_path()); !removed)
        return removed;
    auto from = os::open_file(disk.path, O_RDONLY);
    auto to = os::open_file(clone_path(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (!from || !to)
        return std::move(from ? to.error() : from.error());
    if (auto cloned = clone_blocks(from->get(), to->get()); !cloned)
        return cloned;
    if (auto closed = make_read_only(to->get(), clone_path()); !closed)
        return closed;
    return add_name(clone_path(), layer_path());
}

Result<void> FreezeUnderWay::release()
{
    auto frozen = is_frozen();
    if (!frozen)
        return std::move(frozen).error();
    if (!*frozen)
        return undo();
    if (auto layer = commit(); !layer)
        return std::move(layer).error();
    return remove_note(files_.freeze());
}

// Only names go that begin made, and never the last one of a file.
Result<void> FreezeUnderWay::undo() const
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (has_top(*disk)) {
        auto fd = os::open_file(disk->path, O_RDONLY);
        if (!fd)
            return std::move(fd).error();
        auto used = has_own_data(fd->get());
        if (!used)
            return std::move(used).error();
        if (*used)
            return make_error(Code::precondition,
                              "disk '" + disk->role + "' has data in its new top " + disk->path +
                                  ", and somebody still writes to the old one",
                              "stop the VM, and whatever else has " + layer_path() + " open");
        if (auto removed = os::remove_file(disk->path); !removed)
            return removed;
        if (auto synced = os::sync_directory(files_.directory()); !synced)
            return synced;
        disk = files_.open();
        if (!disk)
            return std::move(disk).error();
    }
    std::vector<std::string> names{files_.unfinished(), clone_path()};
    if (is_same_file(disk->path, layer_path()))
        names.push_back(layer_path());  // another freeze's layer has another file
    for (const std::string& name : names)
        if (auto removed = os::remove_file(name); !removed)
            return removed;
    // Before the note goes: a name that came back with the host's next boot would be nobody's, and pass for a layer.
    if (auto synced = os::sync_directory(directory_of(layer_path())); !synced && synced.error().code != Code::not_found)
        return synced;
    return remove_note(files_.freeze());
}

}  // namespace banger::file
