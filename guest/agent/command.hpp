// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "guest/agent/descriptor_source.hpp"
#include "guest/agent/process.hpp"
#include "guest/agent/shared_stream.hpp"
#include "guest/agent/writer.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::agent {

/// What a command gets around it: the account's environment with the spec's on top, and the directory to start in.
[[nodiscard]] Launch launch_of(const ExecSpec& spec, const Account& account);
/// The same for the account that the spec names in this guest. Errors: as find_account.
[[nodiscard]] sdk::Result<Launch> launch_of(const ExecSpec& spec);

/// A command of the guest and its standard streams, pipes or a terminal. Destroying it lets it run on without them.
class Command {
public:
    /// `output_or_end`: there may be something to read again, or it has ended. `input_drained`: the backlog got shorter.
    Command(EventLoop& loop, ProcessTable& processes, std::function<void()> output_or_end,
            std::function<void()> input_drained)
        : loop_(loop),
          processes_(processes),
          output_or_end_(std::move(output_or_end)),
          input_drained_(std::move(input_drained))
    {
    }
    ~Command();
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    /// With `shared` what is written goes there instead of through a pipe; its input then is `shared->to_writer`.
    /// Errors: as ProcessTable::spawn.
    sdk::Result<void> start(Launch launch, std::optional<SharedStream> shared = {});
    [[nodiscard]] pid_t pid() const { return pid_; }  ///< 0 before it was started

    /// What it wrote, from its two outputs in turn.
    struct Output {
        FrameType type = FrameType::out;  ///< out or err
        std::size_t bytes = 0;            ///< 0: nothing now
    };
    Output read(std::span<char> room);

    void write(std::string_view bytes);
    /// With a terminal its end-of-file character, where that means something.
    void end_input();
    [[nodiscard]] std::size_t input_backlog() const { return input_ ? input_->backlog() : 0; }
    /// Not all that was written to it could be delivered, as its input was closed.
    [[nodiscard]] bool input_failed() const { return input_ && input_->failed(); }
    void resize(WindowSize size);
    /// To those in the foreground of its terminal; without one, to it and what it started. Not once it has exited.
    void send_signal(int number);
    /// The same to it and what it started, whether or not they are in the foreground.
    void send_signal_to_all(int number);
    /// SIGKILL to it and what it started, of which some may outlive it, after so long. Of several such orders the earliest counts.
    void kill_after(std::chrono::milliseconds delay);
    /// Nobody wants it any more: see ProcessTable::abandon.
    void abandon();

    [[nodiscard]] const std::optional<ExitStatus>& exited() const { return exited_; }
    /// It has exited, and what there is to read will not get more.
    [[nodiscard]] bool output_is_complete() const { return output_is_complete_; }
    /// It has exited, and all that it wrote was read.
    [[nodiscard]] bool ended() const;

private:
    void on_exit(const ExitStatus& status);
    void signal_group(int number) const;
    [[nodiscard]] pid_t foreground() const;

    EventLoop& loop_;
    ProcessTable& processes_;
    std::function<void()> output_or_end_;
    std::function<void()> input_drained_;
    pid_t pid_ = 0;
    bool tty_ = false;
    std::optional<ExitStatus> exited_;
    std::unique_ptr<Writer> input_;
    std::array<std::optional<DescriptorSource>, 2> outputs_;
    std::size_t next_output_ = 0;
    EventLoop::Registration linger_;
    bool output_is_complete_ = false;
    std::optional<EventLoop::Clock::time_point> killed_at_;
    EventLoop::Registration kill_foreground_;
};

}  // namespace banger::agent
