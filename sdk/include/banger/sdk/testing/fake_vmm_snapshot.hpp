// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_vmm.hpp"
#include "banger/sdk/vmm_snapshot.hpp"

namespace banger::sdk::testing {

/// vmm.snapshot/0 for the machines of FakeVmm, whose memory is one number: it keeps state and passes
/// VmmSnapshotContract.
class FakeVmmSnapshot : public VmmSnapshot {
public:
    FakeVmmSnapshot(Host& host, std::shared_ptr<FakeVmmWorld> world) : vmm_(host, world), world_(std::move(world)) {}

    Result<Probe> probe(Call& call) override { return vmm_.probe(call); }

    Result<void> pause(const Handle& machine) override
    {
        return with(machine, [](FakeVmmWorld::Living& living) { living.standing = true; });
    }

    Result<void> resume(const Handle& machine) override
    {
        return with(machine, [](FakeVmmWorld::Living& living) { living.standing = false; });
    }

    Result<void> begin_save(const Handle& machine, const std::string& /*directory*/, Call& call) override
    {
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        return pause(machine);
    }

    Result<void> finish_save(const Handle& machine, const std::string& directory, Call& /*call*/) override
    {
        std::string memory;
        auto found = with(machine, [&](FakeVmmWorld::Living& living) { memory = std::to_string(living.count); });
        return found ? os::write_file_atomic(directory + "/memory", memory) : found;
    }

    Result<Attached<Machine>> restore(const RestoreSpec& spec, Call& call) override
    {
        auto memory = os::read_file(spec.snapshot + "/memory", 64);
        if (!memory)
            return make_error(Code::not_found, "there is no whole save in " + spec.snapshot);
        auto attached = vmm_.attach(spec.boot, call);
        if (attached)
            (void)with(attached->handle, [&](FakeVmmWorld::Living& living) {
                living.count = std::stoull(*memory);
                living.standing = true;
            });
        return attached;
    }

    Result<void> swap_disks(const Handle& machine, const std::vector<Disk>& disks) override
    {
        Result<void> done;
        auto found = with(machine, [&](FakeVmmWorld::Living& living) {
            auto after = living.disks;
            for (const auto& disk : disks)
                if (const auto place = after.find(disk.role); place != after.end())
                    place->second = disk.path;
                else
                    done = make_error(Code::not_found, "the machine has no disk '" + disk.role + "'");
            if (done)
                living.disks = std::move(after);
        });
        return found ? done : found;
    }

private:
    template <typename Change>
    Result<void> with(const Handle& machine, const Change& change)
    {
        const std::lock_guard lock(world_->mutex_);
        const auto found = world_->machines_.find(machine.owner.vm);
        if (found == world_->machines_.end())
            return make_error(Code::not_found, "VM " + machine.owner.vm + " does not run");
        change(found->second);
        return {};
    }

    FakeVmm vmm_;
    std::shared_ptr<FakeVmmWorld> world_;
};

}  // namespace banger::sdk::testing
