// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/storage.hpp"
#include "loop.hpp"

namespace banger::dm {

/// What disks stand on in the kernel: read-only devices that all disks of this instance share, made with the first and
/// removed with the last (names.hpp). The kernel's own count of who uses them is their only journal.
///
/// Whoever has one of these objects is alone with it (flock(2) of a file in the cache): between making a device and the
/// table of a disk over it nobody may take it for one that is not used. It also holds the loop devices until then.
class LayerDevices {
public:
    static sdk::Result<LayerDevices> lock(sdk::Host& host);

    /// The number of a device that holds what the first layer of the chain (layer_chain.hpp) does, and zeros up to that
    /// many bytes.
    sdk::Result<std::string> origin(std::span<const sdk::Layer> chain, std::uint64_t bytes);

    /// Removes the devices that nobody stands on, from the top down. `busy`, once all others are gone, if somebody has one of
    /// them open.
    sdk::Result<void> remove_unused();

    /// The same, and waits for whoever is just closing one: without the lock, since a disk that is attached meanwhile may
    /// stand on it again, and then there is nothing to wait for. `on_wait` is told once if somebody is waited for.
    static sdk::Result<void> remove_unused_once_closed(sdk::Host& host, std::chrono::milliseconds patience,
                                                       const std::function<void()>& on_wait = {});

private:
    LayerDevices(std::string instance, sdk::os::UniqueFd lock) : instance_(std::move(instance)), lock_(std::move(lock))
    {
    }
    sdk::Result<std::string> whole(std::span<const sdk::Layer> chain);
    sdk::Result<std::string> frozen(std::span<const sdk::Layer> chain);

    std::string instance_;
    sdk::os::UniqueFd lock_;
    std::vector<LoopDevice> held_;
};

/// Whether the live table of this snapshot writes to that file.
sdk::Result<bool> writes_to(const std::string& device, const FileId& cow);

/// What a disk holds in the kernel, for a person: dm_name, dm_device, cow_loop, and base_loop, that of the image at the
/// very bottom.
sdk::Fields parts_of(const std::string& device);

}  // namespace banger::dm
