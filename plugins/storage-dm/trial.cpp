// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "trial.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <mutex>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "cow_file.hpp"
#include "device.hpp"
#include "device_node.hpp"
#include "loop.hpp"
#include "names.hpp"
#include "table.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::Result;
namespace os = sdk::os;

constexpr std::uint64_t trial_bytes = 1U << 20U;

Result<void> make_layer(const std::string& path)
{
    auto fd = os::open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    if (::ftruncate(fd->get(), trial_bytes) != 0)
        return sdk::os_error("make " + path);
    return {};
}

Result<void> make_snapshot(const std::string& name, const std::string& layer, const std::string& cow)
{
    auto origin = LoopDevice::over(layer, LoopDevice::Access::read_only);
    if (!origin)
        return std::move(origin).error();
    auto writes = LoopDevice::over(cow, LoopDevice::Access::read_write);
    if (!writes)
        return std::move(writes).error();
    const auto table = snapshot_table(trial_bytes / sector_bytes, origin->number(), writes->number());
    return device::create_live(name, table, device::Access::read_write);
}

}  // namespace

Result<void> try_snapshot(sdk::Host& host)
{
    if (auto available = device::check_available(); !available)
        return available;
    const os::OwnRights rights;
    static std::mutex mutex;  // both providers of this plugin ask, and the name is one
    const std::lock_guard lock(mutex);
    const std::string name = probe_name(host.instance());
    const std::string layer = host.cache_directory() + "/trial-layer";
    const std::string cow = host.cache_directory() + "/trial-cow";
    // One that was killed in the middle left its device.
    auto tried = device::remove(name);
    if (tried)
        tried = make_layer(layer);
    if (tried)
        tried = cow::make(cow, trial_bytes);
    if (tried)
        tried = make_snapshot(name, layer, cow);
    if (tried)
        tried = device::ensure_node(name);
    constexpr std::chrono::seconds patience{2};  // for whoever looks at every new device
    if (auto removed = device::remove_once_closed(name, patience); !removed && tried)
        tried = std::move(removed);
    for (const auto& path : {layer, cow})
        if (auto removed = os::remove_file(path); !removed && tried)
            tried = std::move(removed);
    return tried;
}

sdk::Probe probe_by_trial(sdk::Host& host, const std::string& what_it_does)
{
    const auto tried = try_snapshot(host);
    sdk::Probe probe;
    probe.usable = tried.has_value();
    probe.reason = tried ? what_it_does : tried.error().message;
    if (!tried)
        probe.hint = tried.error().hint;
    return probe;
}

}  // namespace banger::dm
