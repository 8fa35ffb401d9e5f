// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

struct sd_bus;

namespace banger::units {

/// A service that exists for as long as a process of it lives, and whose first process has ended by then: it leaves what it
/// starts behind (systemd.service(5), Type=forking).
struct TransientService {
    std::string name;
    std::string description;
    std::vector<std::string> argv;           ///< the first is a path
    std::vector<std::string> devices;        ///< that it may use beside the harmless ones, as /dev/block/MAJOR:MINOR
    std::vector<std::string> families;       ///< of addresses that sockets may have, such as AF_UNIX
    std::uint64_t capabilities = 0;          ///< that it may ever have, as bits (capabilities(7))
    std::uint64_t most_descriptors = 0;      ///< of each process
    sdk::os::UniqueFd input;                 ///< its standard input
};

/// A scope that exists for as long as a process of it lives, with accounting of its own.
struct TransientScope {
    std::string name;
    std::string description;
    std::vector<pid_t> processes;  ///< that are moved into it
};

/// A connection to the system's or the user's own service manager (org.freedesktop.systemd1(5)): the system's for root.
///
/// Threads: one at a time. Errors of all: `unavailable` where there is none, where it refuses, or takes longer than 5 s.
class ServiceManager {
public:
    [[nodiscard]] static sdk::Result<ServiceManager> connect();

    /// Returns when its processes are there.
    [[nodiscard]] sdk::Result<void> start_scope(const TransientScope& scope);
    /// Returns when the manager has the service; whether it starts is not waited for.
    [[nodiscard]] sdk::Result<void> start_service(TransientService service);

private:
    struct Closer {
        void operator()(sd_bus* bus) const;
    };

    explicit ServiceManager(sd_bus* bus) : bus_(bus) {}

    std::unique_ptr<sd_bus, Closer> bus_;
};

}  // namespace banger::units
