// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "freeze.hpp"

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/flush.hpp"
#include "cow_file.hpp"
#include "device.hpp"
#include "layer_chain.hpp"
#include "layer_devices.hpp"
#include "names.hpp"
#include "room.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

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

Result<std::string> device_of_layer(sdk::Host& host, const std::string& path)
{
    auto facts = facts_of(path);
    if (!facts)
        return std::move(facts).error();
    return layer_name(host.instance(), facts->id);
}

class DmFreeze final : public sdk::DiskFreeze {
public:
    DmFreeze(sdk::Host& host, DiskFiles files, const sdk::Owner& owner, std::string layer_path,
             std::uint64_t reserve_bytes)
        : host_(host), files_(std::move(files)), device_(disk_name(host.instance(), owner.vm, files_.role())),
          layer_path_(std::move(layer_path)), reserve_bytes_(reserve_bytes)
    {
    }

    Result<void> check(const sdk::FreezeSpec& spec, const sdk::Call& call) override;
    Result<sdk::Freeze> prepare() override;
    Result<bool> has_happened() override;
    Result<void> seal() override;
    Result<sdk::Layer> layer() override;
    Result<std::vector<std::string>> undo() override;

private:
    [[nodiscard]] Result<void> load_tables(const DiskFiles::Top& top) const;
    [[nodiscard]] Result<void> move(const DiskFiles::Top& top) const;
    [[nodiscard]] Result<bool> has_handed_over() const;
    [[nodiscard]] bool has_top(const DiskFiles::Top& top) const { return top.note.layer.path == layer_path_; }
    [[nodiscard]] Result<void> undo_devices() const;

    sdk::Host& host_;
    const DiskFiles files_;
    const std::string device_;
    const std::string layer_path_;
    const std::uint64_t reserve_bytes_;
};

Result<void> DmFreeze::check(const sdk::FreezeSpec& spec, const sdk::Call& call)
{
    if (os::exists(note_path(layer_path_)))
        return make_error(Code::exists, "there is a layer already: " + layer_path_);
    if (auto room = check_room(spec.disk.owner.directory, reserve_bytes_); !room)
        return room;
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    auto layers = chain_of(disk->note.layer);
    if (!layers)
        return std::move(layers).error();
    if (auto shallow = sdk::check_depth(*layers, most_layers, files_.role()); !shallow)
        return shallow;
    auto attached = device::own_state_of(device_);
    if (!attached)
        return std::move(attached).error();
    if (*attached)
        if (auto sound = check_health(device_, files_.role()); !sound)
            return sound;
    return os::flush_path(*attached ? device::node_of(device_) : disk->cow, call.cancel_descriptor());
}

Result<sdk::Freeze> DmFreeze::prepare()
{
    auto disk = files_.open();
    if (!disk)
        return std::move(disk).error();
    if (auto named = os::add_name(note_path(disk->cow), note_path(layer_path_)); !named)
        return std::move(named).error();
    if (auto named = os::add_name(disk->cow, layer_path_); !named)
        return std::move(named).error();
    auto path = files_.tops().next();
    if (!path)
        return std::move(path).error();
    const sdk::Layer layer{layer_path_, disk->note.bytes, std::string(cow_format)};
    if (auto made = files_.make(*path, disk->note.bytes, layer); !made)
        return std::move(made).error();
    auto attached = device::own_state_of(device_);
    auto top = files_.open();
    if (!attached || !top)
        return attached ? std::move(top).error() : std::move(attached).error();
    if (*attached)
        if (auto loaded = load_tables(*top); !loaded)
            return std::move(loaded).error();
    return sdk::Freeze{layer, std::nullopt};
}

// The kernel sees that two tables have one cow: it reads nothing for the second, lets neither be resumed but the layer's,
// and that one only while the disk is suspended (drivers/md/dm-snap.c). The layer's device fails until then, at its full
// length, so that the disk's next table can be made over it.
Result<void> DmFreeze::load_tables(const DiskFiles::Top& top) const
{
    auto table = device::table_of(device_);
    if (!table)
        return std::move(table).error();
    const auto now = parse_snapshot(*table);
    auto layer = device_of_layer(host_, layer_path_);
    if (!now || !layer)
        return now ? std::move(layer).error() : make_error(Code::corrupt, "device " + device_ + " is no snapshot");
    // Until the disk's next table stands on the layer's device, nobody may take that for unused.
    auto lock = LayerDevices::lock(host_);
    if (!lock)
        return std::move(lock).error();
    const std::uint64_t sectors = top.note.bytes / sector_bytes;
    if (auto made = device::create_live(*layer, error_table(sectors), device::Access::read_only); !made)
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

Result<bool> DmFreeze::has_handed_over() const
{
    auto layer = device_of_layer(host_, layer_path_);
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

Result<bool> DmFreeze::has_happened()
{
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
Result<void> DmFreeze::move(const DiskFiles::Top& top) const
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
    if (!*moved && !*handed_over) {
        if (!(*state)->waiting)
            if (auto loaded = load_tables(top); !loaded)
                return loaded;
        if (!(*state)->suspended) {
            // What the machine wrote may be in the host's memory above the device.
            if (auto flushed = os::flush_path(device::node_of(device_), -1); !flushed)
                return flushed;
            if (auto suspended = device::suspend(device_); !suspended)
                return suspended;
        }
        auto layer = device_of_layer(host_, layer_path_);
        if (!layer)
            return std::move(layer).error();
        if (auto resumed = device::resume(*layer); !resumed) {
            (void)undo_devices();
            return resumed;
        }
        return device::resume(device_);
    }
    return !*moved || (*state)->suspended ? device::resume(device_) : Result<void>();
}

Result<void> DmFreeze::seal()
{
    auto top = files_.open();
    if (!top)
        return std::move(top).error();
    if (!has_top(*top))
        return make_error(Code::precondition, "disk '" + files_.role() + "' has no top over " + layer_path_ + " yet");
    if (auto moved = move(*top); !moved)
        return moved;
    return os::make_read_only(layer_path_);
}

Result<sdk::Layer> DmFreeze::layer()
{
    auto layers = chain_of({layer_path_, 0, std::string(cow_format)});
    if (!layers)
        return std::move(layers).error();
    return layers->front();
}

// The disk goes on as it is, with its old table.
Result<void> DmFreeze::undo_devices() const
{
    auto state = device::own_state_of(device_);
    if (!state)
        return std::move(state).error();
    if (*state) {
        if ((*state)->waiting)
            if (auto forgot = device::forget_waiting(device_); !forgot)
                return forgot;
        if (os::exists(layer_path_)) {
            auto layer = device_of_layer(host_, layer_path_);
            if (!layer)
                return std::move(layer).error();
            if (auto removed = device::remove(*layer); !removed)
                return removed;
        }
        if ((*state)->suspended)
            if (auto resumed = device::resume(device_); !resumed)
                return resumed;
    }
    return {};
}

Result<std::vector<std::string>> DmFreeze::undo()
{
    if (auto undone = undo_devices(); !undone)
        return std::move(undone).error();
    auto top = files_.open();
    if (!top)
        return std::move(top).error();
    if (has_top(*top)) {
        for (const std::string& name : {top->cow, note_path(top->cow)})
            if (auto removed = os::remove_file(name); !removed)
                return std::move(removed).error();
        if (auto synced = os::sync_directory(files_.directory()); !synced)
            return std::move(synced).error();
        top = files_.open();
        if (!top)
            return std::move(top).error();
    }
    std::vector<std::string> names{files_.unfinished()};
    // Another freeze's layer has another file.
    if (os::is_same_file(top->cow, layer_path_))
        names.push_back(layer_path_);
    if (os::is_same_file(note_path(top->cow), note_path(layer_path_)))
        names.push_back(note_path(layer_path_));
    return names;
}

}  // namespace

std::unique_ptr<sdk::DiskFreeze> make_freeze(sdk::Host& host, DiskFiles files, const sdk::Owner& owner,
                                             std::string layer_path, std::uint64_t reserve_bytes)
{
    return std::make_unique<DmFreeze>(host, std::move(files), owner, std::move(layer_path), reserve_bytes);
}

}  // namespace banger::dm
