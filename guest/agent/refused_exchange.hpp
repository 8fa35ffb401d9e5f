// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/agent/exchange.hpp"

namespace banger::agent {

/// Answers a framed request with an error, whatever it asks.
class RefusedExchange final : public FramedExchange {
public:
    RefusedExchange(Stream& stream, sdk::Error why) : FramedExchange(stream), why_(std::move(why)) {}

protected:
    void on_frame(FrameType /*type*/, std::string_view /*payload*/) override { fail(why_); }
    void on_end(bool /*clean*/) override { fail(why_); }
    Pulled pull(std::span<char> /*room*/) override { return {}; }

private:
    const sdk::Error why_;
};

}  // namespace banger::agent
