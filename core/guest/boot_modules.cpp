// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>

#include "core/guest/initramfs.hpp"

namespace banger::guest {
namespace {

/// What to look for, in loading order. Device types are those of VIRTIO 1.2, section 5. The file systems and the
/// checksum ext4 asks for by an alias are built into some kernels and modules in others.
struct Wanted {
    const char* name;
    int virtio_device;
};
constexpr std::array<Wanted, 10> wanted{{{"virtio_pci", 0},
                                         {"virtio_mmio", 0},
                                         {"virtio_console", 3},
                                         {"vmw_vsock_virtio_transport", 19},
                                         {"virtio_blk", 2},
                                         {"crc32c_generic", 2},
                                         {"crc32c_intel", 2},
                                         {"ext4", 2},
                                         {"virtio_net", 1},
                                         {"virtio_rng", 4}}};

/// "kernel/drivers/virtio/virtio-pci.ko.xz" is the module virtio_pci.
std::string module_name(const std::string& path)
{
    const auto slash = path.rfind('/');
    std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    name.resize(std::min(name.find(".ko"), name.size()));
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

using Dependencies = std::map<std::string, std::vector<std::string>>;  // by path

Dependencies parse(const std::string& modules_dep)
{
    Dependencies dependencies;
    std::istringstream lines(modules_dep);
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos)
            continue;
        auto& list = dependencies[line.substr(0, colon)];
        std::istringstream words(line.substr(colon + 1));
        for (std::string word; words >> word;)
            list.push_back(word);
    }
    return dependencies;
}

/// Adds a module behind everything it needs. A module that several devices need is loaded for each of them, so the
/// first request decides; transports come first and are for all.
void add(const std::string& path, int device, const Dependencies& dependencies, std::set<std::string>& seen,
         std::vector<BootModule>& order)
{
    if (!seen.insert(path).second)
        return;
    if (const auto found = dependencies.find(path); found != dependencies.end())
        for (const auto& needed : found->second)
            add(needed, device, dependencies, seen, order);
    order.push_back({path, device});
}

}  // namespace

std::vector<BootModule> modules_to_boot(const std::string& modules_dep)
{
    const auto dependencies = parse(modules_dep);
    std::map<std::string, std::string> by_name;
    for (const auto& [path, needed] : dependencies)
        by_name.emplace(module_name(path), path);
    std::set<std::string> seen;
    std::vector<BootModule> order;
    for (const auto& [name, device] : wanted)
        if (const auto found = by_name.find(name); found != by_name.end())
            add(found->second, device, dependencies, seen, order);
    return order;
}

}  // namespace banger::guest
