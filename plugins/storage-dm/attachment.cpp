// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "attachment.hpp"

#include <chrono>

#include "device.hpp"
#include "device_node.hpp"
#include "layer_devices.hpp"
#include "names.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::Result;

// A VMM that was reaped has closed its disks; others who looked at them soon will.
constexpr std::chrono::seconds patience{10};

}  // namespace

Attachment::Attachment(sdk::Host& host, const sdk::Owner& owner, const std::string& role)
    : host_(host), name_(disk_name(host.instance(), owner.vm, role))
{
}

Result<void> Attachment::make(const DiskFiles::Top& top, std::span<const sdk::Layer> chain) const
{
    if (auto available = device::check_available(); !available)
        return available;
    // The kernel's node is there at once, and that is all that a VMM needs: what udev does takes longer than all the rest.
    auto made = make_device(top, chain);
    if (made)
        made = device::ensure_node(name_);
    if (made)
        made = device::give_node(name_, host_.user());
    if (!made)
        (void)release();
    return made;
}

Result<void> Attachment::make_device(const DiskFiles::Top& top, std::span<const sdk::Layer> chain) const
{
    auto layers = LayerDevices::lock(host_);
    if (!layers)
        return std::move(layers).error();
    auto origin = layers->origin(chain, top.note.bytes);
    if (!origin)
        return std::move(origin).error();
    auto cow = LoopDevice::over(top.cow, LoopDevice::Access::read_write);
    if (!cow)
        return std::move(cow).error();
    const auto table = snapshot_table(top.note.bytes / sector_bytes, *origin, cow->number());
    return device::create_live(name_, table, device::Access::read_write);
}

Result<void> Attachment::release() const
{
    if (auto removed = remove(); !removed)
        return removed;
    return LayerDevices::remove_unused_once_closed(host_, patience, [this] {
        host_.log(sdk::LogLevel::debug, "wait for whoever has a device open that disks shared");
    });
}

Result<void> Attachment::make_way() const
{
    if (auto removed = remove(); !removed)
        return removed;
    auto layers = LayerDevices::lock(host_);
    if (!layers)
        return std::move(layers).error();
    auto removed = layers->remove_unused();
    if (!removed && removed.error().code != Code::busy)
        return removed;
    return {};
}

Result<void> Attachment::remove() const
{
    auto state = device::own_state_of(name_);
    if (!state)  // somebody else's device of this name is none of ours
        return state.error().code == Code::exists ? Result<void>() : std::move(state).error();
    // A freeze that was cut short: whoever waits for the disk could never close it.
    if (*state && (*state)->suspended)
        if (auto resumed = device::resume(name_); !resumed) {
            (void)device::forget_waiting(name_);
            if (auto again = device::resume(name_); !again)
                return again;
        }
    return device::remove_once_closed(name_, patience, [this] {
        host_.log(sdk::LogLevel::debug, "wait for whoever has " + name_ + " open");
    });
}

}  // namespace banger::dm
