// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/liveness.hpp"

/// Looking at a VM from outside and asking its guest: what `vm stats` and `vm health` share. Changes nothing, and is no
/// use of the VM.
namespace banger::lifecycle {

/// What a VM's processes, disks and network take of the host.
///     {"cpu_ms", "resident_bytes", "processes", "disks": [{"role", "bytes", "allocated_bytes", "apparent_bytes"}],
///      "network": {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets", "refused_packets"}}
/// null: of the first three if it does not run, of the network and of any number if its provider does not know.
[[nodiscard]] json::Object look_at_host(Engine& engine, const model::VmRecord& vm, const Liveness& live);

/// What the agent answered about its guest, and when.
struct GuestLook {
    json::Document health;                      ///< as in guest/agent/health.hpp
    std::chrono::microseconds round_trip{0};
    std::chrono::milliseconds clock_drift{0};   ///< how far the guest's time of day is ahead of the host's
};
/// `precondition` if it does not run; `busy` while it boots; `timed_out` and the like if the agent does not answer within
/// a few seconds.
[[nodiscard]] sdk::Result<GuestLook> look_into_guest(Engine& engine, const model::VmRecord& vm, Operation& operation);

/// The processes that a handle's facts name: `pid`, and `pids`, separated by blanks.
[[nodiscard]] std::set<pid_t> processes_in(const sdk::Fields& facts);

/// What its provider says of one of a VM's disks: see sdk::Storage::inspect, whose errors are its own.
[[nodiscard]] sdk::Result<sdk::Fields> disk_facts(Engine& engine, const model::VmRecord& vm, const std::string& role);

/// How long anybody waits here for an agent.
inline constexpr std::chrono::seconds patience_for_look{5};

/// The same, said of a guest's file systems: {"role", "mount", "total_bytes", "free_bytes"} for each disk of the VM.
[[nodiscard]] json::Array guest_disks(const json::Value& health);

}  // namespace banger::lifecycle
