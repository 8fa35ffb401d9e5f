// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/network.hpp"
#include "banger/sdk/os/fd.hpp"
#include "tests/integration/frames.hpp"
#include "tests/integration/said.hpp"

namespace banger::tap {

using sdk::testing::said;

/// A network of somebody else. It lasts as long as this object and what was made in it.
class Namespace {
public:
    Namespace();
    /// Runs it there, also what it starts.
    void run(const std::function<void()>& body) const;

private:
    sdk::os::UniqueFd namespace_;
};

inline constexpr std::uint16_t services_port = 8080;

/// Else the kernel itself takes no such packet from there (Documentation/networking/ip-sysctl.rst, route_localnet).
void allow_loopback_over(const std::string& interface);

sdk::os::UniqueFd open_tun();
/// An errno, or 0: then it is who has the tap until the descriptor is closed.
int take_tap(const sdk::os::UniqueFd& tun, const std::string& name);

/// A guest's end of a tap: the kernel's own stack in a network namespace, whose frames go to and from the tap that a VMM would
/// open.
class Guest {
public:
    explicit Guest(const sdk::Link& link);
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    ~Guest();

    void ip(std::vector<std::string> words) const;
    /// Whether a service at that address takes a connection (listen_on).
    [[nodiscard]] bool reaches(const std::string& address, std::uint16_t port = services_port) const;
    void serve();
    /// From now on it goes that way for 127.0.0.1 too.
    void take_loopback_by(const std::string& gateway) const;
    [[nodiscard]] std::unique_ptr<FrameSocket> frames() const;
    /// A service in this thread's network namespace.
    static sdk::os::UniqueFd listen_on(const std::string& address, std::uint16_t port = services_port);

private:
    void carry() const;

    Namespace network_;
    sdk::os::UniqueFd ours_;
    sdk::os::UniqueFd theirs_;
    sdk::os::UniqueFd service_;
    sdk::os::UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
    std::thread wire_;
};

}  // namespace banger::tap
