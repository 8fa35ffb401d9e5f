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
/// VmmSnapshotContract. A save is the file `memory`, beside `shape`; one that is not sealed has another name.
class FakeVmmSnapshot : public VmmSnapshot {
public:
    FakeVmmSnapshot(Host& host, std::shared_ptr<FakeVmmWorld> world) : vmm_(host, world), world_(std::move(world)) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        probe.offers = {"snapshot:full", "snapshot:difference"};
        probe.accepts = {"disk:raw", "disk:qcow2"};
        return probe;
    }

    Result<void> pause(const Handle& machine) override
    {
        return with(machine, [](Living& living) {
            living.standing = true;
            return Result<void>();
        });
    }

    Result<void> resume(const Handle& machine) override
    {
        return with(machine, [](Living& living) {
            living.standing = living.stood_since_save = false;
            living.saving.clear();
            return Result<void>();
        });
    }

    Result<void> begin_save(const Handle& machine, const SaveSpec& save, Call& call) override
    {
        return with(machine, [&](Living& living) -> Result<void> {
            if (!living.saving.empty() || living.stood_since_save)
                return make_error(Code::precondition, "the machine stands still for another save");
            if (!save.base.empty() && (!living.forkable || living.last_save != save.base))
                return make_error(Code::precondition, "nobody knows what the machine wrote since " + save.base);
            if (call.cancelled()) {
                living.stood_since_save = living.standing;
                return make_error(Code::cancelled, "cancelled");
            }
            living.standing = true;
            living.saving = save.directory;
            return {};
        });
    }

    Result<void> finish_save(const Handle& machine, const SaveSpec& save, Call& call) override
    {
        return with(machine, [&](Living& living) -> Result<void> {
            if (living.saving != save.directory)
                return make_error(Code::precondition, "no save to " + save.directory + " was begun");
            living.saving.clear();
            living.stood_since_save = true;
            if (call.cancelled())
                return make_error(Code::cancelled, "cancelled");
            auto before = counted_in(save.base);
            if (!before)
                return std::move(before).error();
            living.last_save = save.directory;
            auto wrote = os::write_file_atomic(save.directory + "/shape", living.shape);
            return wrote ? os::write_file_atomic(save.directory + "/written", std::to_string(living.count - *before))
                         : wrote;
        });
    }

    Result<void> seal_save(const SaveSpec& save, Call& call) override
    {
        if (os::exists(save.directory + "/memory"))
            return {};
        auto written = number_in(save.directory + "/written");
        if (!written)
            return make_error(Code::not_found, "there is no finished save in " + save.directory);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto before = counted_in(save.base);
        if (!before)
            return std::move(before).error();
        return os::write_file_atomic(save.directory + "/memory", std::to_string(*before + *written));
    }

    Result<Attached<Machine>> restore(const RestoreSpec& spec, Call& call) override
    {
        const auto memory = number_in(spec.snapshot + "/memory");
        const auto shape = os::read_file(spec.snapshot + "/shape", 4096);
        if (!memory || !shape)
            return make_error(Code::not_found, "there is no sealed save in " + spec.snapshot);
        if (*shape != FakeVmm::shape_of(spec.boot))
            return make_error(Code::precondition, "the saved machine has " + *shape + ", and this one would have " +
                                                      FakeVmm::shape_of(spec.boot));
        auto attached = vmm_.attach(spec.boot, call);
        if (attached)
            (void)with(attached->handle, [&](Living& living) {
                living.count = *memory;
                living.standing = true;
                living.last_save = spec.snapshot;
                return Result<void>();
            });
        return attached;
    }

    Result<void> swap_disks(const Handle& machine, const std::vector<Disk>& disks) override
    {
        return with(machine, [&](Living& living) -> Result<void> {
            auto after = living.disks;
            for (const auto& disk : disks) {
                const auto place = after.find(disk.role);
                if (place == after.end())
                    return make_error(Code::not_found, "the machine has no disk '" + disk.role + "'");
                if (place->second.back() != disk.path)
                    place->second.push_back(disk.path);
            }
            living.disks = std::move(after);
            return {};
        });
    }

private:
    using Living = FakeVmmWorld::Living;

    static Result<std::uint64_t> number_in(const std::string& path)
    {
        auto text = os::read_file(path, 64);
        if (!text)
            return std::move(text).error();
        return std::stoull(*text);
    }

    /// What is in a base; nothing without one.
    static Result<std::uint64_t> counted_in(const std::string& base)
    {
        return base.empty() ? Result<std::uint64_t>(std::uint64_t{0}) : number_in(base + "/memory");
    }

    template <typename Change>
    Result<void> with(const Handle& machine, const Change& change)
    {
        const std::lock_guard lock(world_->mutex_);
        const auto found = world_->machines_.find(machine.owner.vm);
        if (found == world_->machines_.end())
            return make_error(Code::not_found, "VM " + machine.owner.vm + " does not run");
        return change(found->second);
    }

    FakeVmm vmm_;
    std::shared_ptr<FakeVmmWorld> world_;
};

}  // namespace banger::sdk::testing
