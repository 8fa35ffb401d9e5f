// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "guest/agent/descriptor_source.hpp"
#include "guest/agent/exchange.hpp"
#include "guest/agent/process.hpp"
#include "guest/agent/writer.hpp"

namespace banger::agent {

/// POST /v0/exec: runs one command. When the stream closes before the command ended, the command is abandoned.
class ExecExchange final : public FramedExchange {
public:
    ExecExchange(Stream& stream, EventLoop& loop, ProcessTable& processes)
        : FramedExchange(stream), loop_(loop), processes_(processes)
    {
    }
    ~ExecExchange() override;

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char> room) override;
    std::size_t backlog() const override { return input_ ? input_->backlog() : 0; }

    void start(std::string_view spec);
    void end_input();
    void send_signal(std::string_view name);
    void on_exit(const ExitStatus& status);
    void finish_if_done();

    EventLoop& loop_;
    ProcessTable& processes_;
    pid_t pid_ = 0;
    bool tty_ = false;
    std::optional<ExitStatus> exited_;
    std::unique_ptr<Writer> input_;
    std::array<std::optional<DescriptorSource>, 2> outputs_;
    std::size_t next_output_ = 0;
    EventLoop::Registration linger_;
};

/// What a command gets around it: the account's environment with the spec's on top, and the directory to start in.
[[nodiscard]] Launch launch_of(const ExecSpec& spec, const Account& account);

}  // namespace banger::agent
