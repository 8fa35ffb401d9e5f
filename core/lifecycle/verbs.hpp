// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/handles/audit.hpp"
#include "core/lifecycle/engine.hpp"

/// The verbs. Each is in a file of its name, runs on a worker, and on error leaves things as they were or says what is
/// left. None is called on the loop's thread.
namespace banger::lifecycle {

struct CreateOptions {
    bool start = true;
    /// Told the resolved sizes before anything is made.
    std::function<void(const model::VmRecord&)> on_spec;
};

/// A new VM from a spec, started if asked. Rolls back to nothing, except that a VM whose guest never answered is kept,
/// stopped, for its log.
sdk::Result<model::VmRecord> create_vm(Engine& engine, const model::VmSpec& spec, const CreateOptions& options,
                                       Operation& operation);

/// Stopped to running, or no trace of having tried.
sdk::Result<model::VmRecord> start_vm(Engine& engine, const std::string& reference, Operation& operation);

inline constexpr std::chrono::seconds default_stop_patience{30};

/// Asks the guest to power off, waits at most `timeout`, then syncs and cuts. Stopped already is success. What the VM held
/// beside its VMM is released after this, as for kill_vm and delete_vm (teardown.hpp); of one that was stopped already, or
/// half deleted, before.
sdk::Result<model::VmRecord> stop_vm(Engine& engine, const std::string& reference, std::chrono::milliseconds timeout,
                                     Operation& operation);

/// Signals the VMM. With SIGKILL or SIGTERM the VM is stopped afterwards.
sdk::Result<model::VmRecord> kill_vm(Engine& engine, const std::string& reference, const std::string& signal,
                                     Operation& operation);

/// Asks a VM that runs to power off and starts it again, with nobody in between; one that is stopped is started.
/// Cancelled while it powers off, it stays stopped.
struct Restarted {
    model::VmRecord vm;
    bool was_running = false;
};
sdk::Result<Restarted> restart_vm(Engine& engine, const std::string& reference, std::chrono::milliseconds timeout,
                                  Operation& operation);

/// What is to change about a VM; what is not set stays.
struct Change {
    std::optional<std::uint64_t> vcpus;
    std::optional<std::uint64_t> memory_mib;
    std::optional<std::uint64_t> disk_bytes;  ///< never less than it has
};
/// Changes a stopped VM. The record says first what it is to be, then its disks are made as long; what a crash leaves in
/// between is finished by the next start. On error everything is as before, or, if a disk has grown already, the record
/// keeps the new length and the error says so.
sdk::Result<model::VmRecord> set_vm(Engine& engine, const std::string& reference, const Change& change,
                                    Operation& operation);

/// Makes an image of what is on a stopped VM's disks: under `choices.name`, or local/ and the VM's name, with this VM's
/// kernel and length of disks unless others are chosen. The VM stays as it is. `precondition` if it runs; `corrupt` if it
/// was not stopped in order. On error there is no image.
sdk::Result<images::Image> promote_vm(Engine& engine, const std::string& reference, const images::ImageChoices& choices,
                                      Operation& operation);

/// Under what conditions a VM is deleted; `precondition` if they do not hold.
struct DeleteOptions {
    bool only_stopped = false;                        ///< not one that runs, or is being started
    std::optional<std::int64_t> not_started_since;    ///< Unix time, seconds; one never started was made before then
    std::chrono::milliseconds patience = patience_for_lock;  ///< with whoever else has the VM
    std::function<void()> on_locked;                         ///< told once nobody else has it
};
/// Stops without waiting. The VM is gone for whoever looks for it, and its disks, directory and row soon; whoever makes one of
/// its name waits for that. One of which that fails for good is there again.
sdk::Result<model::VmRecord> delete_vm(Engine& engine, const std::string& reference, const DeleteOptions& options,
                                       Operation& operation);

/// After a VMM ended by itself: undoes what it held, and deletes the VM if its record says so.
sdk::Result<void> settle_exited_vm(Engine& engine, const std::string& id, Operation& operation);

/// What reconciling found, beside what it settled.
struct Reconciled {
    std::vector<std::string> troubles;  ///< one line for each thing that could not be settled
    /// Live VMs whose stop was under way, locked: finish_stop() each. That takes a guest's time, and nobody waits for it.
    std::vector<LockedVm> stopping;
    std::vector<LockedVm> unfinished;  ///< of which something would not go, locked: leave_to_teardown() each
};
/// Brings rows, directories, journals and the host into agreement. Once, before the daemon serves anybody.
Reconciled reconcile(Engine& engine, Operation& operation);

/// Goes on with a stop whose daemon died: the guest is asked to power off once more, and never cut before what it wrote
/// is safe.
sdk::Result<void> finish_stop(Engine& engine, LockedVm stopping, Operation& operation);

struct Recovered {
    std::vector<model::VmRecord> vms;
    struct Skipped {
        std::string path;
        std::string reason;
    };
    std::vector<Skipped> skipped;
    std::string database_moved_to;  ///< empty unless it was replaced
};
/// Adds a row for every VM directory that has none, from the copy of the record in it.
sdk::Result<Recovered> recover(Engine& engine, bool replace_database, Operation& operation);

/// Waits for teardowns under way, then compares the host with the journals; with `repair` removes kernel objects that nobody claims.
struct AuditReport {
    struct Line {
        handles::Finding finding;
        std::string action;  ///< "none", "removed", "noted" in its VM's journal, or why it could not be
    };
    std::vector<Line> lines;
    [[nodiscard]] bool clean() const;  ///< nothing left that disagrees
};
sdk::Result<AuditReport> audit(Engine& engine, bool repair, Operation& operation);

/// What a VM takes and has, from outside and from inside, as `vm stats` answers it (docs/rpc.md).
sdk::Result<json::Object> stats_of(Engine& engine, const std::string& reference, Operation& operation);

/// Whether a VM is well, as `vm health` answers it (docs/rpc.md).
sdk::Result<json::Object> health_of(Engine& engine, const std::string& reference, Operation& operation);

/// The VM as `vm show` prints it (docs/rpc.md).
json::Object view_of(Engine& engine, const model::VmRecord& vm, bool with_handles = false);

/// `precondition`, saying for how long, if the VM is being made or started and its guest is not one yet that commands can
/// run in.
sdk::Result<void> check_guest_started(Engine& engine, const model::VmRecord& vm, Operation& operation);

sdk::Error not_running(const model::VmRecord& vm);

/// A live guest's agent, connected. `precondition` if the VM does not run.
/// A guest that runs answers at once; one that was just adopted may have a backlog to throw away first.
sdk::Result<std::shared_ptr<guest::AgentClient>> agent_of(
    Engine& engine, const model::VmRecord& vm, Operation& operation,
    std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace banger::lifecycle
