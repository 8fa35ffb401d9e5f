// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "guest/agent/event_loop.hpp"
#include "guest/agent/exchange.hpp"
#include "guest/protocol/listener_messages.hpp"

namespace banger::agent {

/// POST /v0/listeners: the ports that take connections here, and with `follow` what changes of them.
///
/// The kernel tells nobody that a socket begins to listen; it is asked, and only while a stream follows: ten times a second,
/// and less often where the answer is long, so that asking never takes more than a twentieth of a processor, or where the client
/// does not keep up.
class ListenersExchange final : public FramedExchange {
public:
    ListenersExchange(Stream& stream, EventLoop& loop) : FramedExchange(stream), loop_(loop) {}

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char>) override { return {}; }

    void look();
    /// `always`: also if nothing has changed, so that the client knows that it has all.
    void tell(const std::set<Listener>& now, bool always);

    EventLoop& loop_;
    ListenersSpec spec_;
    bool begun_ = false;
    std::set<Listener> known_;
    /// Of them, those that the last look did not find. The kernel lists its table piece by piece and by places in it, so that one
    /// can be passed over when another goes meanwhile: only who is missed twice is gone.
    std::set<Listener> missed_;
    EventLoop::Registration again_;
};

}  // namespace banger::agent
