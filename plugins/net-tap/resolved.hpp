// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "banger/sdk/network_names.hpp"

struct sd_bus;

namespace banger::tap {

/// systemd-resolved, which is told for each interface whom to ask for which domain (org.freedesktop.resolve1(5)). It forgets
/// that with the interface.
///
/// Threads: one. Every call waits for at most five seconds.
class Resolved {
public:
    struct Close {
        void operator()(sd_bus* bus) const;
    };
    using Bus = std::unique_ptr<sd_bus, Close>;

    explicit Resolved(Bus bus) : bus_(std::move(bus)) {}

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
    Bus bus_;
};

}  // namespace banger::tap
