// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "file_id.hpp"

namespace banger::dm {

/// What our devices are called, so that whoever looks at the kernel finds them without a journal:
///
///     banger-INSTANCE-VM-ROLE                      a disk, as its VMM opens it
///     banger-INSTANCE-layer-DEVICE-INODE           what a frozen layer holds, read-only, for all that stand on it
///     banger-INSTANCE-longer-DEVICE-INODE-SECTORS  a layer and zeros up to that length, read-only, likewise
///
/// DEVICE and INODE are those of the layer's file, in hexadecimal. A device that has such a name and not our uuid is
/// somebody else's.
std::string disk_name(std::string_view instance, std::string_view vm, std::string_view role);
std::string layer_name(std::string_view instance, const FileId& layer);
std::string longer_name(std::string_view instance, const FileId& layer, std::uint64_t sectors);
/// Of the device that a probe makes and removes.
std::string probe_name(std::string_view instance);

std::string uuid_of(std::string_view name);

struct DiskName {
    std::string vm;
    std::string role;
};
/// None if it is no disk of this instance.
std::optional<DiskName> parse_disk_name(std::string_view instance, std::string_view name);
/// Whether it is a device that the disks of this instance share.
bool is_shared_name(std::string_view instance, std::string_view name);

}  // namespace banger::dm
