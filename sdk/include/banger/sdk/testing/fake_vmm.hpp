// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <csignal>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/vmm.hpp"

namespace banger::sdk::testing {

/// The machines that FakeVmm providers have made. Like the processes of a real VMM it outlives each provider: keep one
/// world over a restart. Threads: any.
class FakeVmmWorld {
public:
    /// The guest's end of the agent channel that was opened last, once.
    std::optional<os::UniqueFd> take_guest_end(const std::string& vm)
    {
        const std::lock_guard lock(mutex_);
        const auto found = guest_ends_.find(vm);
        if (found == guest_ends_.end())
            return std::nullopt;
        auto end = std::move(found->second);
        guest_ends_.erase(found);
        return end;
    }

    /// The machine dies behind everybody's back.
    void die(const std::string& vm)
    {
        const std::lock_guard lock(mutex_);
        machines_.erase(vm);
        guest_ends_.erase(vm);
    }

    /// The signals that a machine was sent.
    std::vector<int> signals(const std::string& vm)
    {
        const std::lock_guard lock(mutex_);
        return signals_[vm];
    }

    /// The next attach fails with this error.
    void fail_next_attach(Error error)
    {
        const std::lock_guard lock(mutex_);
        failure_ = std::move(error);
    }

    /// How far the machine's guest has counted, by what it showed. It counts one further each time it is asked, while
    /// it runs. That number is its memory.
    std::uint64_t counted(const std::string& vm)
    {
        const std::lock_guard lock(mutex_);
        const auto found = machines_.find(vm);
        if (found == machines_.end())
            return 0;
        auto& machine = found->second;
        if (!machine.standing)
            machine.shown = ++machine.count;
        return machine.shown;
    }

    /// The machine fills its disk of that role with such bytes.
    bool writes(const std::string& vm, const std::string& role, char byte)
    {
        const std::lock_guard lock(mutex_);
        const auto& tops = machines_.at(vm).disks.at(role);
        return os::write_file_atomic(tops.back(), std::string(disk_bytes, byte)).has_value();
    }
    /// Whether the machine finds such bytes on it: in the newest of its files that is not empty.
    bool reads(const std::string& vm, const std::string& role, char byte)
    {
        const std::lock_guard lock(mutex_);
        const auto& tops = machines_.at(vm).disks.at(role);
        for (auto top = tops.rbegin(); top != tops.rend(); ++top)
            if (const auto text = os::read_file(*top).value_or({}); !text.empty())
                return text == std::string(text.size(), byte);
        return false;
    }

private:
    friend class FakeVmm;
    friend class FakeVmmSnapshot;
    static constexpr std::size_t disk_bytes = 4096;
    struct Living {
        Owner owner;
        Fields bound;
        std::map<std::string, std::vector<std::string>> disks;  // by role: its files, each standing over the one before
        std::string shape;  // what a save can only be restored with
        bool forkable = false;
        std::uint64_t count = 0;
        std::uint64_t shown = 0;
        bool standing = false;
        bool stood_since_save = false;
        std::string saving;     // the directory of a save that was begun
        std::string last_save;  // the directory that it came from or was saved to
    };
    std::mutex mutex_;
    std::map<std::string, Living> machines_;
    std::map<std::string, os::UniqueFd> guest_ends_;
    std::map<std::string, std::vector<int>> signals_;
    std::optional<Error> failure_;
};

/// vmm/0 without processes: it keeps state and passes VmmContract.
class FakeVmm : public Vmm {
public:
    FakeVmm(Host& host, std::shared_ptr<FakeVmmWorld> world) : host_(host), world_(std::move(world)) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        probe.accepts = {"disk:qcow2",           "disk:raw", "link:stream-socket", "link:tap",
                         "link:user-restricted", "link:none"};
        probe.facts = {{"accelerator", "none"}};
        return probe;
    }

    Result<std::vector<Handle>> plan(const BootSpec& spec) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        return std::vector{handle_of(spec.owner, {})};
    }

    Result<Attached<Machine>> attach(const BootSpec& spec, Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        for (const auto& disk : spec.disks)
            if (!os::exists(disk.path))
                return make_error(Code::not_found, "there is no disk " + disk.path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const std::lock_guard lock(world_->mutex_);
        if (world_->failure_)
            return *std::exchange(world_->failure_, std::nullopt);
        if (world_->machines_.contains(spec.owner.vm))
            return make_error(Code::exists, "VM " + spec.owner.vm + " already runs");
        // Above any pid that Linux gives (PID_MAX_LIMIT is 2^22), so that nobody is hit by mistake.
        static std::atomic<int> next_pid = (1 << 22) + 1;
        const int pid = next_pid++;
        Fields bound{{"pid", std::to_string(pid)}, {"start_time", "1"}};
        FakeVmmWorld::Living machine;
        machine.owner = spec.owner;
        machine.bound = bound;
        machine.shape = shape_of(spec);
        machine.forkable = spec.forkable;
        for (const auto& disk : spec.disks)
            machine.disks[disk.role] = {disk.path};
        world_->machines_[spec.owner.vm] = std::move(machine);
        return Attached<Machine>{Machine{"none", ChannelKind::socket}, handle_of(spec.owner, std::move(bound))};
    }

    Result<void> release(const Handle& handle) override
    {
        world_->die(handle.owner.vm);
        return {};
    }

    Result<Inspection> inspect(const Handle& handle) override
    {
        const std::lock_guard lock(world_->mutex_);
        const auto found = world_->machines_.find(handle.owner.vm);
        if (found == world_->machines_.end())
            return Inspection{};
        Inspection inspection{true, found->second.bound};
        inspection.facts["paused"] = found->second.standing ? "true" : "false";
        inspection.facts["saving"] = found->second.saving.empty() ? "false" : "true";
        return inspection;
    }

    Result<std::vector<Handle>> list() override
    {
        const std::lock_guard lock(world_->mutex_);
        std::vector<Handle> handles;
        for (const auto& [vm, machine] : world_->machines_)
            if (machine.owner.instance == host_.instance())
                handles.push_back(handle_of(machine.owner, machine.bound));
        return handles;
    }

    Result<void> kill(const Handle& handle, int signal) override
    {
        {
            const std::lock_guard lock(world_->mutex_);
            if (!world_->machines_.contains(handle.owner.vm))
                return make_error(Code::not_found, "VM " + handle.owner.vm + " does not run");
            world_->signals_[handle.owner.vm].push_back(signal);
        }
        if (signal == SIGKILL || signal == SIGTERM)
            world_->die(handle.owner.vm);
        return {};
    }

    Result<os::UniqueFd> open_channel(const Handle& handle, Call& call) override
    {
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const std::lock_guard lock(world_->mutex_);
        if (!world_->machines_.contains(handle.owner.vm))
            return make_error(Code::not_found, "VM " + handle.owner.vm + " does not run");
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
            return os_error("make a pair of sockets");
        world_->guest_ends_[handle.owner.vm] = os::UniqueFd(ends[1]);
        return os::UniqueFd(ends[0]);
    }

    /// What machines must have in common for one to go on where another was saved.
    static std::string shape_of(const BootSpec& spec)
    {
        std::string shape = std::to_string(spec.vcpus) + " processors, ";
        shape += std::to_string(spec.memory_mib) + " MiB, disks";
        for (const auto& disk : spec.disks)
            shape += " " + disk.role;
        shape += ", links";
        for (const auto& link : spec.links)
            shape += " " + link.attachment.kind;
        return shape;
    }

private:
    static Handle handle_of(const Owner& owner, Fields bound)
    {
        return Handle{"vmm/0", "fake", "process", owner, std::move(bound)};
    }

    static Result<void> check(const BootSpec& spec)
    {
        if (spec.vcpus == 0 || spec.memory_mib == 0)
            return make_error(Code::invalid, "a VM has at least one CPU and one MiB of memory");
        for (const auto& disk : spec.disks)
            if (disk.format != "raw" && disk.format != "qcow2")
                return make_error(Code::unsupported, "the fake VMM does not know disks of format " + disk.format);
        for (const auto& link : spec.links)
            if (const auto& kind = link.attachment.kind;
                kind != "stream-socket" && kind != "tap" && kind != "user-restricted" && kind != "none")
                return make_error(Code::unsupported, "the fake VMM does not know attachments of kind " + kind);
        return {};
    }

    Host& host_;
    std::shared_ptr<FakeVmmWorld> world_;
};

}  // namespace banger::sdk::testing
