// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/agent/command.hpp"
#include "guest/agent/exchange.hpp"

namespace banger::agent {

/// POST /v0/exec: runs one command. When the stream closes before the command ended, the command is abandoned.
class ExecExchange final : public FramedExchange {
public:
    ExecExchange(Stream& stream, EventLoop& loop, ProcessTable& processes)
        : FramedExchange(stream),
          command_(loop, processes, [this] { stream_.wake(); }, [this] { backlog_drained(); })
    {
    }
    ~ExecExchange() override { command_.abandon(); }

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char> room) override;
    std::size_t backlog() const override { return command_.input_backlog(); }

    void start(std::string_view spec);

    Command command_;
};

}  // namespace banger::agent
