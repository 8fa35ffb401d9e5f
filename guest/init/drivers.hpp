// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace banger::agent {

/// The kernel modules of an initramfs, in an order that satisfies their dependencies. One line of the list each:
/// a path, then optionally `virtio:<id>`, the device type (VIRTIO 1.2, 5) the module drives. Such a module, with those
/// it needs, is loaded only when the machine has such a device.
class DriverList {
public:
    explicit DriverList(const std::string& text);

    /// The transports, and what the channel to the host needs: console (3) and socket (19).
    void load_channel();
    /// Everything else that is needed here.
    void load_rest();

private:
    struct Driver {
        std::string path;
        int device = 0;  ///< 0: always
        bool loaded = false;
    };
    template <typename Wanted>
    void load_if(Wanted wanted);

    std::vector<Driver> drivers_;
};

/// Reads the list; an absent one means that the kernel has its drivers built in.
[[nodiscard]] DriverList drivers_to_load(const std::string& list_path);

}  // namespace banger::agent
