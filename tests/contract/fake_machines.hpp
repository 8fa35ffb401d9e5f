// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "banger/sdk/testing/fake_vmm.hpp"
#include "banger/sdk/testing/vmm_snapshot_contract.hpp"

namespace banger::sdk::testing {

/// A boot for FakeVmm, with a disk "root" of zeros.
inline BootSpec one_disk(const FakeHost& host)
{
    BootSpec spec;
    spec.owner = host.new_owner();
    spec.memory_mib = 32;
    spec.disks = {Disk{"root", spec.owner.directory + "/root.disk", "raw", false, 4096}};
    const auto wrote = os::write_file_atomic(spec.disks[0].path, std::string(4096, '\0'));
    EXPECT_TRUE(wrote) << wrote.error().message;
    return spec;
}

/// An empty file: what a fake machine reads from the one below.
inline Disk empty_top(const BootSpec& spec, const Disk& disk)
{
    Disk top = disk;
    top.path = spec.owner.directory + "/top-" + FakeHost::random_hex(8);
    EXPECT_TRUE(os::write_file_atomic(top.path, ""));
    return top;
}

inline bool is_filled_with(const Disk& disk, char byte)
{
    const auto content = os::read_file(disk.path).value_or({});
    return !content.empty() && content == std::string(content.size(), byte);
}

/// The machines of a world for VmmSnapshotContract; `open_vmm` and `open` make providers in that world.
inline VmmSnapshotUnderTest machines_of(std::string name, std::shared_ptr<FakeVmmWorld> world,
                                        std::function<std::unique_ptr<Vmm>(Host&)> open_vmm,
                                        std::function<std::unique_ptr<VmmSnapshot>(Host&)> open)
{
    return {std::move(name),
            std::move(open_vmm),
            std::move(open),
            one_disk,
            [world](const Owner& owner, std::uint64_t after, std::chrono::milliseconds) {
                const auto now = world->counted(owner.vm);
                return now > after ? now : 0;
            },
            empty_top,
            [world](const Handle& machine, const std::string& role, char byte) {
                return world->writes(machine.owner.vm, role, byte);
            },
            [world](const Handle& machine, const std::string& role, char byte) {
                return world->reads(machine.owner.vm, role, byte);
            },
            is_filled_with};
}

}  // namespace banger::sdk::testing
