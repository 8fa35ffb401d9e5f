// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "freeze.hpp"

#include <fcntl.h>

#include "banger/sdk/os/file.hpp"
#include "cow_file.hpp"
#include "device.hpp"
#include "layer_chain.hpp"
#include "layer_devices.hpp"
#include "names.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

Result<void> check_depth(const DiskFiles::Top& disk, const std::string& role)
{
    auto chain = chain_of(disk.note.layer);
    if (!chain)
        return std::move(chain).error();
    if (chain->size() < most_layers)
        return {};
    return make_error(Code::precondition,
                      "disk '" + role + "' stands on " + std::to_string(chain->size()) +
                          " layers, and more would make it slow",
                      "fork a VM that is nearer to its image");
}

// A disk that the kernel gave up holds its machine's last writes nowhere.
Result<void> check_health(const std::string& device, const std::string& role)
{
    auto health = device::health_of(device);
    if (!health)
        return std::move(health).error();
    if (*health != SnapshotHealth::failed)
        return {};
    return make_error(Code::precondition, "disk '" + role + "' cannot be written to any more, as when the host's disk is full",
                      "make room and restart the VM");
}

Result<void> flush(const std::string& path, int cancel_descriptor)
{
    auto fd = os::open_file(path, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    return os::flush_file(std::move(*fd), path, cancel_descriptor);
}

Result<std::string> device_of_layer(sdk::Host& host, const std::string& path)
{
    auto facts = facts_of(path);
    if (!facts)
        return std::move(facts).error();
    return layer_name(host.instance(), facts->id);
}

}  // namespace

FreezeUnderWay::FreezeUnderWay(sdk::Host& host, DiskFiles files, const sdk::Owner& owner, sdk::FreezeNote note)
    : host_(host), files_(std::move(files)), device_(disk_name(host.instance(), owner.vm, files_.role())),
      note_(std::move(note))
{
}

Result<std::optional<FreezeUnderWay>> FreezeUnderWay::find(sdk::Host& host, const DiskFiles& files,
                                                           const sdk::Owner& owner)
{
    auto note = sdk::read_freeze_note(files.freeze());
    if (!note)
        return std::move(note).error();
    if (!*note)
        return std::optional<FreezeUnderWay>();
    return std::optional(FreezeUnderWay(host, files, owner, std::move(**note)));
}

Result<sdk::Freeze> FreezeUnderWay::begin(sdk::Host& host, const DiskFiles& files, const sdk::FreezeSpec& spec,
                                          const sdk::Call& call)
{
    auto disk = files.open();
    if (!disk)
        return std::move(disk).error();
    if (auto shallow = check_depth(*disk, files.role()); !shallow)
        return std::move(shallow).error();
    const FreezeUnderWay freeze(host, files, spec.disk.owner, {spec.layer_path, false});
    auto attached = device::own_state_of(freeze.device_);
    if (!attached)
        return std::move(attached).error();
    if (*attached)
        if (auto sound = check_health(freeze.device_, files.role()); !sound)
            return std::move(sound).error();
    // Before the instant, so that the instant need not wait for the disk.
    const std::string written = *attached ? device::node_of(freeze.device_) : disk->cow;
    if (auto flushed = flush(written, call.cancel_descriptor()); !flushed)
        return std::move(flushed).error();
    if (auto noted = sdk::write_freeze_note(files.freeze(), freeze.note_); !noted)
        return std::move(noted).error();
    auto ready = freeze.prepare(*disk);
    if (!ready) {
        (void)freeze.undo();
        return std::move(ready).error();
    }
    return sdk::Freeze{{spec.layer_path, disk->note.bytes, std::string(cow_format)}, std::nullopt};
}

Result<void> FreezeUnderWay::prepare(const DiskFiles::Top& disk) const
{
    if (auto named = os::add_name(note_path(disk.cow), note_path(layer_path())); !named)
        return named;
    if (auto named = os::add_name(disk.cow, layer_path()); !named)
        return named;
    auto path = files_.tops().next();
    if (!path)
        return std::move(path).error();
    const sdk::Layer layer{layer_path(), disk.note.bytes, std::string(cow_format)};
    if (auto made = files_.make(*path, disk.note.bytes, layer); !made)
        return made;
    auto attached = device::own_state_of(device_);
    if (!attached)
        return std::move(attached).error();
    if (!*attached)
        return {};
    auto top = files_.open();
    if (!top)
        return std::move(top).error();
    return load_tables(*top);
}

// The kernel sees that two tables have one cow: it reads nothing for the second, lets neither be resumed but the layer's,
// and that one only while the disk is suspended (drivers/md/dm-snap.c). The layer's device fails until then, at its full
// length, so that the disk's next table can be made over it.
Result<void> FreezeUnderWay::load_tables(const DiskFiles::Top& top) const
{
    auto table = device::table_of(device_);
    if (!table)
        return std::move(table).error();
    const auto now = parse_snapshot(*table);
    auto layer = device_of_layer(host_, layer_path());
    if (!now || !layer)
        return now ? std::move(layer).error() : make_error(Code::corrupt, "device " + device_ + " is no snapshot");
    UdevEvents events;
    // Until the disk's next table stands on the layer's device, nobody may take that for unused.
    auto lock = LayerDevices::lock(host_);
    if (!lock)
        return std::move(lock).error();
    const std::uint64_t sectors = top.note.bytes / sector_bytes;
    if (auto made = device::create_live(*layer, error_table(sectors), device::Access::read_only, events); !made)
        return made;
    if (auto loaded = device::load(*layer, snapshot_table(sectors, now->origin, now->cow), device::Access::read_only);
        !loaded)
        return loaded;
    auto state = device::own_state_of(*layer);
    auto cow = LoopDevice::over(top.cow, LoopDevice::Access::read_write);
    if (!state || !*state || !cow)
        return !state ? std::move(state).error() : !cow ? std::move(cow).error()
                                                        : make_error(Code::not_found, "device " + *layer + " went away");
    return device::load(device_, snapshot_table(sectors, (*state)->number, cow->number()), device::Access::read_write);
}

Result<bool> FreezeUnderWay::has_handed_over() const
{
    auto layer = device_of_layer(host_, layer_path());
    if (!layer)
        return std::move(layer).error();
    auto state = device::own_state_of(*layer);
    if (!state || !*state)
        return state ? Result<bool>(false) : std::move(state).error();
    auto table = device::table_of(*layer);
    if (!table)
        return std::move(table).error();
    return parse_snapshot(*table).has_value();
}

Result<bool> FreezeUnderWay::is_frozen() const
{
    if (note_.frozen)
        return true;
    auto top = files_.open();
    if (!top)
        return std::move(top).error();
    if (!has_top(*top))
        return false;
    auto attached = device::own_state_of(device_);
    if (!attached)
        return std::move(attached).error();
    return *attached ? has_handed_over() : Result<bool>(true);
}

// The instant. From the hand-over on there is only forward.
Result<void> FreezeUnderWay::move(const DiskFiles::Top& top) const
{
    auto state = device::own_state_of(device_);
    auto facts = facts_of(top.cow);
    if (!state || !facts)
        return state ? std::move(facts).error() : std::move(state).error();
    if (!*state)
        return {};
    auto moved = writes_to(device_, facts->id);
    auto handed_over = has_handed_over();
    if (!moved || !handed_over)
        return moved ? std::move(handed_over).error() : std::move(moved).error();
    UdevEvents events;
    if (!*moved && !*handed_over) {
        if (!(*state)->waiting)
            if (auto loaded = load_tables(top); !loaded)
                return loaded;
        if (!(*state)->suspended) {
            // What the machine wrote may be in the host's memory above the device.
            if (auto flushed = flush(device::node_of(device_), -1); !flushed)
                return flushed;
            if (auto suspended = device::suspend(device_); !suspended)
                return suspended;
        }
        auto layer = device_of_layer(host_, layer_path());
        if (!layer)
            return std::move(layer).error();
        if (auto resumed = device::resume(*layer, events); !resumed) {
            (void)undo_devices();
            return resumed;
        }
        return device::resume(device_, events);
    }
    return !*moved || (*state)->suspended ? device::resume(device_, events) : Result<void>();
}

Result<sdk::Layer> FreezeUnderWay::commit()
{
    if (!note_.frozen) {
        auto top = files_.open();
        if (!top)
            return std::move(top).error();
        if (!has_top(*top))
            return make_error(Code::precondition, "disk '" + files_.role() + "' has no top over " + layer_path() + " yet");
        if (auto moved = move(*top); !moved)
            return std::move(moved).error();
        if (auto sealed = os::make_read_only(layer_path()); !sealed)
            return std::move(sealed).error();
        note_.frozen = true;
        if (auto noted = sdk::write_freeze_note(files_.freeze(), note_); !noted)
            return std::move(noted).error();
    }
    auto chain = chain_of({layer_path(), 0, std::string(cow_format)});
    if (!chain)
        return std::move(chain).error();
    return chain->front();
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
    return sdk::remove_freeze_note(files_.freeze());
}

// The disk goes on as it is, with its old table.
Result<void> FreezeUnderWay::undo_devices() const
{
    UdevEvents events;
    auto state = device::own_state_of(device_);
    if (!state)
        return std::move(state).error();
    if (*state) {
        if ((*state)->waiting)
            if (auto forgot = device::forget_waiting(device_); !forgot)
                return forgot;
        if (os::exists(layer_path())) {
            auto layer = device_of_layer(host_, layer_path());
            if (!layer)
                return std::move(layer).error();
            if (auto removed = device::remove(*layer, events); !removed)
                return removed;
        }
        if ((*state)->suspended)
            if (auto resumed = device::resume(device_, events); !resumed)
                return resumed;
    }
    return {};
}

// Only names go that begin made, and never the last one of a file.
Result<void> FreezeUnderWay::undo() const
{
    if (auto undone = undo_devices(); !undone)
        return undone;
    auto top = files_.open();
    if (!top)
        return std::move(top).error();
    std::vector<std::string> names{files_.unfinished()};
    if (has_top(*top)) {
        for (const std::string& name : {top->cow, note_path(top->cow)})
            if (auto removed = os::remove_file(name); !removed)
                return removed;
        if (auto synced = os::sync_directory(files_.directory()); !synced)
            return synced;
        top = files_.open();
        if (!top)
            return std::move(top).error();
    }
    // Another freeze's layer has another file.
    if (os::is_same_file(top->cow, layer_path()))
        names.push_back(layer_path());
    if (os::is_same_file(note_path(top->cow), note_path(layer_path())))
        names.push_back(note_path(layer_path()));
    for (const std::string& name : names)
        if (auto removed = os::remove_file(name); !removed)
            return removed;
    // Before the note goes: a name that came back with the host's next boot would be nobody's, and pass for a layer.
    const std::string directory = layer_path().substr(0, layer_path().rfind('/'));
    if (auto synced = os::sync_directory(directory); !synced && synced.error().code != Code::not_found)
        return synced;
    return sdk::remove_freeze_note(files_.freeze());
}

}  // namespace banger::dm
