// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "banger/sdk/os/process.hpp"
#include "banger/sdk/result.hpp"

namespace banger::proofs {

/// One Firecracker whose working directory is its VM's, so that every name it is given can be relative: api.sock,
/// agent.sock, console.log, the disks. Destroying it kills it. Threads: one.
class Firecracker {
public:
    /// Starts `firecracker` from PATH and returns once its API answers. Errors: those of the operating system,
    /// unavailable when it ended by itself.
    static sdk::Result<Firecracker> start(const std::string& directory, const std::string& id);

    Firecracker(Firecracker&&) = default;
    Firecracker& operator=(Firecracker&&) = delete;
    Firecracker(const Firecracker&) = delete;
    Firecracker& operator=(const Firecracker&) = delete;
    ~Firecracker();

    /// One request to the API (HTTP/1.1 over a Unix socket). Anything but a 2xx answer is an error that quotes it.
    sdk::Result<std::string> put(const std::string& resource, const std::string& json);
    sdk::Result<std::string> patch(const std::string& resource, const std::string& json);
    sdk::Result<std::string> get(const std::string& resource);

    /// A stream to a port that the guest listens on, through Firecracker's hybrid vsock: CONNECT <port>, then OK
    /// <port>. Waits for a guest that has not loaded its driver yet. Errors: unavailable when the guest's kernel runs
    /// the driver and nobody listens there; timed_out.
    sdk::Result<sdk::os::UniqueFd> dial(unsigned port, std::chrono::steady_clock::time_point deadline) const;

    /// Its exit status, once it has ended by itself. Errors: timed_out.
    sdk::Result<int> wait_for_end(std::chrono::seconds timeout);
    [[nodiscard]] pid_t pid() const { return child_->id().pid; }
    [[nodiscard]] const std::string& directory() const { return directory_; }

private:
    Firecracker(std::string directory, sdk::os::Child child);
    sdk::Result<std::string> request(const char* verb, const std::string& resource, const std::string& json);

    std::string directory_;
    std::optional<sdk::os::Child> child_;  ///< empty once it was waited for, and in what was moved from
    std::unique_ptr<boost::asio::io_context> loop_;
    std::unique_ptr<boost::asio::local::stream_protocol::socket> api_;
};

}  // namespace banger::proofs
