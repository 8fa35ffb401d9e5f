// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemd/sd-bus.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "resolved.hpp"

namespace banger::tap::testing {

/// Speaks on the bus as systemd-resolved does, to whoever connects here, and remembers what it was told.
class FakeResolved {
public:
    struct Link {
        std::vector<sdk::NameServer> servers;  ///< without zones
        std::vector<std::string> domains;      ///< those that only say where to ask
        std::map<std::string, std::string> settings;
    };

    FakeResolved() = default;
    FakeResolved(const FakeResolved&) = delete;
    FakeResolved& operator=(const FakeResolved&) = delete;
    ~FakeResolved();

    /// A connection of its own, served until it ends.
    sdk::Result<Resolved::Bus> connect();
    Link link(int interface);
    /// Every method that was called, in order.
    std::vector<std::string> calls();

    // To be set before anybody connects.
    bool runs = true;
    std::string refuses;          ///< this method, with "no, thank you"
    std::set<std::string> hangs;  ///< these methods are never answered

private:
    void serve(int socket);
    static int answer(sd_bus_message* message, void* self, sd_bus_error* error);
    int answer(sd_bus_message* message);
    int set_domains(sd_bus_message* message);
    int set_server(sd_bus_message* message);
    int set_word(sd_bus_message* message, const std::string& method);
    int property(sd_bus_message* message);

    std::mutex mutex_;
    std::map<int, Link> links_;
    std::vector<std::string> calls_;
    std::vector<std::thread> threads_;
};

}  // namespace banger::tap::testing
