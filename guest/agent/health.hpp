// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace banger::agent {

/// How the machine is that this process runs on:
///     {"uptime_ms", "clock_ns", "load": [..], "memory": {"total_bytes", "available_bytes"},
///      "disks": [{"mount", "total_bytes", "free_bytes"}],
///      "network": [{"name", "rx_bytes", "rx_packets", "tx_bytes", "tx_packets"}], "init", "init_state"}
/// clock_ns is the time of day (CLOCK_REALTIME); the network's loopback is left out. `init_state` is left out unless it
/// was asked for, because systemd must be asked by a program of its own.
[[nodiscard]] std::string health_json(const std::string& init, const std::optional<std::string>& init_state = {});

/// What /proc/net/dev (proc(5)) says of one interface.
struct InterfaceCounters {
    std::string name;
    std::uint64_t rx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_packets = 0;
};
/// Lines that are not understood are left out, and so is the loopback.
[[nodiscard]] std::vector<InterfaceCounters> interfaces_in(const std::string& proc_net_dev);

}  // namespace banger::agent
