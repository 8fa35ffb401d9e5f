// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "guest/agent/descriptor_source.hpp"
#include "guest/agent/descriptor_writer.hpp"
#include "guest/agent/exchange.hpp"

namespace banger::agent {

/// POST /v0/connect: a connection to a port or Unix socket of the guest. `started` when it stands; then data both ways;
/// eof closes one half; an error frame ends it where the other side reset it.
class ConnectExchange final : public FramedExchange {
public:
    ConnectExchange(Stream& stream, EventLoop& loop) : FramedExchange(stream), loop_(loop) {}

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char> room) override;
    std::size_t backlog() const override { return to_ ? to_->backlog() : early_.size(); }

    void start(std::string_view spec);
    void on_connected();
    void end_sending();

    EventLoop& loop_;
    std::string target_;  ///< for messages
    sdk::os::UniqueFd connecting_;
    EventLoop::Registration watch_;
    std::optional<DescriptorWriter> to_;
    std::optional<DescriptorSource> from_;
    std::string early_;  ///< sent by a client that did not wait for `started`
    bool eof_sent_ = false;
    bool ended_ = false;
};

}  // namespace banger::agent
