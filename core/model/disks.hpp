// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace banger::model {

/// The disks of a VM, by role. root: the image's file system; work: mounted at /root; modules: the kernel's, shared and
/// read-only, so that it is nobody's to create or delete.
inline constexpr const char* root_disk = "root";
inline constexpr const char* work_disk = "work";
inline constexpr const char* modules_disk = "modules";

inline const std::vector<std::string>& writable_disk_roles()
{
    static const std::vector<std::string> roles{root_disk, work_disk};
    return roles;
}

}  // namespace banger::model
