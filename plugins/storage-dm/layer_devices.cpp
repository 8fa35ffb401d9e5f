// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "layer_devices.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "cow_note.hpp"
#include "device.hpp"
#include "device_node.hpp"
#include "names.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

Result<std::string> number_of(const std::string& device)
{
    auto state = device::own_state_of(device);
    if (!state)
        return std::move(state).error();
    if (!*state)
        return make_error(Code::not_found, "device " + device + " went away at once");
    return (*state)->number;
}

// The device that the first line of that one's table names; empty for one that is not device-mapper's.
std::string below(const std::string& number)
{
    auto name = os::read_file("/sys/dev/block/" + number + "/dm/name");
    if (!name)
        return {};
    const auto table = device::table_of(name->substr(0, name->find('\n'))).value_or({});
    return table.empty() ? std::string() : table.front().parameters.substr(0, table.front().parameters.find(' '));
}

// Who has it open and is no table (the kernel counts both) is somebody who looks at block devices, and will close it.
bool is_stood_on(const device::State& state)
{
    if (state.openers == 0)
        return false;
    const auto holders = os::list_directory("/sys/dev/block/" + state.number + "/holders");
    return !holders || !holders->empty();
}

}  // namespace

Result<LayerDevices> LayerDevices::lock(sdk::Host& host)
{
    const os::OwnRights rights;
    const std::string path = host.cache_directory() + "/layers.lock";
    auto fd = os::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    int locked = 0;
    do
        locked = ::flock(fd->get(), LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked != 0)
        return sdk::os_error("lock " + path);
    return LayerDevices(host.instance(), std::move(*fd));
}

Result<std::string> LayerDevices::origin(std::span<const sdk::Layer> chain, std::uint64_t bytes)
{
    auto layer = whole(chain);
    if (!layer || chain.front().bytes == bytes)
        return layer;
    auto facts = facts_of(chain.front().path);
    if (!facts)
        return std::move(facts).error();
    const std::uint64_t sectors = bytes / sector_bytes;
    const std::string name = longer_name(instance_, facts->id, sectors);
    auto there = device::own_state_of(name);
    if (!there)
        return std::move(there).error();
    if (*there && (*there)->live)
        return (*there)->number;
    const auto table = longer_table(*layer, chain.front().bytes / sector_bytes, sectors);
    if (auto made = device::create_live(name, table, device::Access::read_only); !made)
        return std::move(made).error();
    return number_of(name);
}

Result<std::string> LayerDevices::whole(std::span<const sdk::Layer> chain)
{
    if (chain.front().format == cow_format)
        return frozen(chain);
    auto loop = LoopDevice::over(chain.front().path, LoopDevice::Access::read_only);
    if (!loop)
        return std::move(loop).error();
    auto number = loop->number();
    held_.push_back(std::move(*loop));
    return number;
}

Result<std::string> LayerDevices::frozen(std::span<const sdk::Layer> chain)
{
    const sdk::Layer& layer = chain.front();
    auto facts = facts_of(layer.path);
    if (!facts)
        return std::move(facts).error();
    const std::string name = layer_name(instance_, facts->id);
    auto there = device::own_state_of(name);
    if (!there)
        return std::move(there).error();
    auto is_it = *there && (*there)->live ? writes_to(name, facts->id) : Result<bool>(false);
    if (!is_it)
        return std::move(is_it).error();
    if (*is_it)
        return (*there)->number;
    auto below = origin(chain.subspan(1), layer.bytes);
    if (!below)
        return below;
    auto loop = LoopDevice::over(layer.path, LoopDevice::Access::read_only);
    if (!loop)
        return std::move(loop).error();
    const auto table = snapshot_table(layer.bytes / sector_bytes, *below, loop->number());
    if (auto made = device::create_live(name, table, device::Access::read_only); !made)
        return std::move(made).error();
    held_.push_back(std::move(*loop));
    return number_of(name);
}

Result<void> LayerDevices::remove_unused()
{
    held_.clear();
    Result<void> done;
    for (bool again = true; again;) {
        again = false;
        done = {};
        auto names = device::list("banger-" + instance_ + "-");
        if (!names)
            return std::move(names).error();
        for (const auto& name : *names) {
            if (!is_shared_name(instance_, name))
                continue;
            const auto state = device::own_state_of(name);
            if (!state || !*state || is_stood_on(**state))
                continue;
            auto removed = device::remove(name);
            if (!removed && removed.error().code != Code::busy)
                return removed;
            again = again || removed;
            if (!removed)
                done = std::move(removed);
        }
    }
    return done;
}

Result<void> LayerDevices::remove_unused_once_closed(sdk::Host& host, std::chrono::milliseconds patience,
                                                     const std::function<void()>& on_wait)
{
    const auto attempt = [&]() -> Result<void> {
        auto layers = lock(host);
        if (!layers)
            return std::move(layers).error();
        return layers->remove_unused();
    };
    return device::until_not_busy(attempt, {}, patience, on_wait);
}

Result<bool> writes_to(const std::string& device, const FileId& cow)
{
    auto table = device::table_of(device);
    if (!table)
        return std::move(table).error();
    const auto parts = parse_snapshot(*table);
    if (!parts)
        return false;
    auto file = LoopDevice::file_of(parts->cow);
    if (!file)
        return std::move(file).error();
    return *file == cow;
}

sdk::Fields parts_of(const std::string& device)
{
    sdk::Fields parts{{"dm_name", device}};
    const auto state = device::own_state_of(device);
    if (!state || !*state)
        return parts;
    const auto& number = (*state)->number;
    parts["dm_device"] = device::kernel_node_of(number);
    if (const auto snapshot = parse_snapshot(device::table_of(device).value_or({})))
        parts["cow_loop"] = loop_path_of(snapshot->cow);
    std::string bottom = number;
    for (std::string next = below(bottom); !next.empty(); next = below(bottom))
        bottom = next;
    parts["base_loop"] = loop_path_of(bottom);
    return parts;
}

}  // namespace banger::dm
