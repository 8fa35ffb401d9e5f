// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "guest/agent/command_sessions.hpp"
#include "guest/agent/exchange.hpp"

namespace banger::agent {

/// POST /v0/session/attach: see AttachSpec. When the stream closes the session goes on.
class AttachExchange final : public FramedExchange, private CommandSession::Viewer {
public:
    AttachExchange(Stream& stream, CommandSessions& sessions) : FramedExchange(stream), sessions_(sessions) {}
    ~AttachExchange() override;

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char> room) override;
    std::size_t backlog() const override { return early_.size() + (writes() ? session_->input_backlog() : 0); }
    void on_change() override;
    void on_input_drained() override;
    void on_input_stolen() override;

    void wait_for_sessions(std::string_view spec);
    void go_on();
    void begin();
    void end_sending();
    void check_taken();
    void say_how_it_ended();
    [[nodiscard]] bool writes() const
    {
        return session_ && (spec_.how == AttachSpec::How::control || spec_.how == AttachSpec::How::send);
    }

    CommandSessions& sessions_;
    std::optional<AttachSpec> wanted_;  ///< until the sessions are known
    std::string early_;                 ///< frames that came meanwhile
    bool ended_early_ = false;
    AttachSpec spec_;
    std::shared_ptr<CommandSession> session_;  ///< once attached
    std::optional<LogReader> reader_;          ///< of its log
    std::uint64_t written_before_ = 0;  ///< by the session, when we came: where a read ends
    bool sent_all_ = false;  ///< the client has nothing more to send
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace banger::agent
