// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <vector>

#include "banger/sdk/network_names.hpp"
#include "bus_client.hpp"

namespace banger::tap {

/// systemd-resolved, which is told for each interface whom to ask for which domain (org.freedesktop.resolve1(5)). It forgets
/// that with the interface.
///
/// Threads: one. All calls together wait for the patience that it is made with, whoever hangs: a start of a machine waits for
/// them. `timed_out` then, and `cancelled` once `cancel_descriptor` (sdk::Call) says so.
class Resolved {
public:
    using Bus = BusConnection;

    explicit Resolved(Bus bus, int cancel_descriptor = -1, std::chrono::milliseconds patience = std::chrono::seconds(2))
        : bus_(std::move(bus), cancel_descriptor, patience)
    {
    }

    /// Over the system's bus. `unavailable` without that.
    static sdk::Result<Bus> connect();

    /// Whether it runs. Does not start it.
    sdk::Result<bool> runs();
    /// `interface` is an index of this network namespace. Errors have resolved's own words.
    sdk::Result<void> route(int interface, const sdk::NameServer& server);
    sdk::Result<void> revert(int interface);
    /// What `route` said, whoever did; servers and domains paired as they come.
    sdk::Result<std::vector<sdk::NameServer>> routed(int interface);

private:
    BusClient bus_;
};

}  // namespace banger::tap
