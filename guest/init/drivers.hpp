// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace banger::agent {

/// The kernel modules of an initramfs, in an order that satisfies their dependencies. One line of the list each:
/// a path, then optionally `virtio:<id>`, the device type (VIRTIO 1.2, 5) the module drives. Such a module, with those
/// it needs, is loaded only when the machine has such a device.
class DriverList {
public:
    explicit DriverList(const std::string& text);

    /// The transports, and what the channel to the host needs: console (3) and socket (19). `before_vsock` is called
    /// where there is a socket device, once the kernel knows AF_VSOCK and before the device is brought to life.
    void load_channel(const std::function<void()>& before_vsock);
    /// Everything else that is needed here.
    void load_rest();

private:
    struct Driver {
        std::string path;
        int device = 0;  ///< 0: always
        bool loaded = false;
    };
    template <typename Wanted>
    void load_if(Wanted wanted, const std::function<void()>& before_vsock = nullptr);

    std::vector<Driver> drivers_;
};

/// Reads the list; an absent one means that the kernel has its drivers built in.
[[nodiscard]] DriverList drivers_to_load(const std::string& list_path);

}  // namespace banger::agent
