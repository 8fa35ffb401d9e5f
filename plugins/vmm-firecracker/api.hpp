// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "messages.hpp"

namespace banger::firecracker {

/// How long one answer is waited for.
struct ApiLimits {
    std::chrono::milliseconds patience{60'000};
    int cancel_descriptor = -1;  ///< see Call::cancel_descriptor; -1: none
};

/// A conversation with one Firecracker: HTTP/1.1 over its Unix socket, one request after the other. Threads: one.
class Api {
public:
    /// Over a connected socket.
    static sdk::Result<Api> over(sdk::os::UniqueFd socket);

    Api(Api&&) noexcept;
    Api& operator=(Api&&) = delete;
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;
    ~Api();

    /// The body of a 2xx answer. `invalid` for a request that Firecracker refuses (4xx), `internal` for any other
    /// answer and for what is no HTTP, in each case with what it said; `unavailable` if the connection ends before,
    /// `timed_out`, `cancelled`. After any error but a refusal the conversation is over.
    sdk::Result<std::string> ask(const Request& request, const ApiLimits& limits);

private:
    struct Connection;
    explicit Api(std::unique_ptr<Connection> connection);
    std::unique_ptr<Connection> connection_;
};

}  // namespace banger::firecracker
