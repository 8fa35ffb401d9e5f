// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "guest/agent/exchange.hpp"
#include "guest/protocol/stream_windows.hpp"

struct nghttp2_session;

namespace banger::agent {

/// Makes the exchange for a path; nothing where there is no such path.
using Router = std::function<std::unique_ptr<Exchange>(const std::string& path, Stream& stream)>;

/// One HTTP/2 session with one client, over bytes that somebody else carries. Destroying it ends all its exchanges.
class Session {
public:
    /// `want_output` is called when next_output may have something again; never from inside next_output.
    Session(Router router, std::function<void()> want_output);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// False when the bytes are not HTTP/2: the session is over.
    bool receive(std::string_view bytes);
    /// The next bytes for the client, valid until the next call; empty when there is nothing to send now.
    std::string_view next_output();

private:
    class Http2Stream;
    friend struct SessionCallbacks;

    Router router_;
    std::function<void()> want_output_;
    std::map<std::int32_t, std::unique_ptr<Http2Stream>> streams_;
    StreamWindows windows_;
    nghttp2_session* http2_ = nullptr;
};

}  // namespace banger::agent
