// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

#include "guest/protocol/http2_limits.hpp"

namespace banger::agent {

/// Which streams of a session may have much under way towards this end. There can be thousands of connections, and what is
/// under way waits here when nobody takes it: only so many of them at a time have a wide window, and the others that which
/// each stream begins with. So have those whose answer has no end. Everything else is asked for one by one, and gets a wide one.
class StreamWindows {
public:
    /// Bytes for a stream that begins.
    std::int32_t begin(std::int32_t id, std::string_view path)
    {
        if (path == "/v0/listeners" || path == "/v0/listen")
            return http2_stream_window;
        if (path != "/v0/connect")
            return http2_wide_stream_window;
        if (wide_connections_.size() >= http2_most_wide_connections)
            return http2_stream_window;
        wide_connections_.insert(id);
        return http2_wide_stream_window;
    }
    /// It has ended.
    void end(std::int32_t id) { wide_connections_.erase(id); }

private:
    std::set<std::int32_t> wide_connections_;
};

}  // namespace banger::agent
