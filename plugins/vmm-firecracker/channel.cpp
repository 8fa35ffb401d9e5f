// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "channel.hpp"

#include <unistd.h>

#include <chrono>

#include "banger/sdk/agent_channel.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::chrono::hours longest_wait{1};  // the call's own deadline is sooner
constexpr std::size_t longest_line = 32;       // "OK 4294967295\n" has 14

}  // namespace

sdk::Result<sdk::os::UniqueFd> dial_agent(sdk::os::UniqueFd socket, const sdk::Call& call)
{
    const std::string port = std::to_string(sdk::agent_vsock_port);
    if (auto sent = sdk::os::write_all(socket.get(), "CONNECT " + port + "\n"); !sent)
        return std::move(sent).error();
    const auto deadline = std::chrono::steady_clock::now() + longest_wait;
    // Byte by byte: what follows the line belongs to the session.
    std::string line;
    while (!line.ends_with('\n') && line.size() < longest_line) {
        if (auto ready = sdk::os::wait_readable(socket.get(), call.cancel_descriptor(), deadline); !ready)
            return std::move(ready).error();
        char byte = 0;
        if (::read(socket.get(), &byte, 1) != 1)
            return make_error(Code::unavailable, "nobody in the guest listens on vsock port " + port);
        line += byte;
    }
    if (!line.starts_with("OK ") || !line.ends_with('\n'))
        return make_error(Code::unavailable, "Firecracker answers CONNECT with '" + line + "'");
    return socket;
}

}  // namespace banger::firecracker
