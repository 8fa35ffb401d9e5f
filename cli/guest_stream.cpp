// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/guest_stream.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cli/output_side.hpp"
#include "cli/terminal.hpp"
#include "core/model/json.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/frames.hpp"
#include "guest/protocol/session_messages.hpp"

namespace banger::cli {
namespace {

using agent::FrameType;

constexpr std::size_t piece = 64UL * 1024;
constexpr std::size_t most_waiting = 256UL * 1024;  ///< bytes for a slow reader before we stop reading the stream

/// SIGPIPE ends programs that expect it. Here it would end one that still has something to undo.
class WithoutSigpipe {
public:
    WithoutSigpipe() : before_(::signal(SIGPIPE, SIG_IGN)) {}
    ~WithoutSigpipe() { ::signal(SIGPIPE, before_); }
    WithoutSigpipe(const WithoutSigpipe&) = delete;
    WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

private:
    void (*before_)(int);
};

std::string_view name_of(int signal)
{
    switch (signal) {
        case SIGINT: return "INT";
        case SIGQUIT: return "QUIT";
        case SIGHUP: return "HUP";
        default: return "TERM";
    }
}

sdk::Error connection_lost()
{
    return sdk::make_error(sdk::Code::unavailable, "the connection to the command was lost before it ended",
                           "see `banger vm list` and `banger daemon status`");
}

class Pump {
public:
    Pump(sdk::os::UniqueFd stream, const StandardStreams& streams, bool tty, Signals& signals, const StreamRules& rules)
        : stream_(std::move(stream)),
          in_(streams.in),
          out_(streams.out),
          err_(streams.err),
          on_bytes_(streams.on_bytes),
          tty_(tty),
          signals_(signals),
          rules_(rules)
    {
        if (tty_)
            raw_.emplace(streams.in);
        terminal_ = is_terminal(streams.out) ? streams.out : streams.in;
    }

    StreamEnd run()
    {
        while (!end_) {
            if (auto polled = step(); !polled)
                return std::move(polled).error();
            if (out_.failure() != 0)
                return output_failed();
        }
        return drain();
    }

private:
    sdk::Result<void> step()
    {
        const bool reads_input = in_ >= 0 && to_guest_.empty();
        const bool reads_stream = out_.waiting() < most_waiting && err_.waiting() < most_waiting;
        short on_stream = reads_stream ? POLLIN : 0;
        if (sent_ < to_guest_.size())
            on_stream |= POLLOUT;
        std::array<pollfd, 5> watch{{{on_stream != 0 ? stream_.get() : -1, on_stream, 0},
                                     {reads_input ? in_ : -1, POLLIN, 0},
                                     {out_.waiting() > 0 ? out_.descriptor() : -1, POLLOUT, 0},
                                     {err_.waiting() > 0 ? err_.descriptor() : -1, POLLOUT, 0},
                                     {signals_.descriptor(), POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0)
            return errno == EINTR ? sdk::Result<void>() : sdk::os_error("poll");
        if (watch[4].revents != 0)
            take_signals();
        if (watch[2].revents != 0)
            out_.flush();
        if (watch[3].revents != 0)
            err_.flush();
        if (watch[1].revents != 0)
            read_input();
        if (sent_ < to_guest_.size())
            send();
        if (reads_stream && watch[0].revents != 0)
            read_stream();
        return {};
    }

    void read_input()
    {
        const ssize_t got = ::read(in_, buffer_.data(), buffer_.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        if (got > 0) {
            passed(static_cast<std::size_t>(got));
            return take_typed({buffer_.data(), static_cast<std::size_t>(got)});
        }
        in_ = -1;  // the end, a terminal that is gone, or a descriptor that was closed: there is no more
        agent::write_frame(to_guest_, FrameType::eof);
    }

    void take_typed(std::string_view bytes)
    {
        if (!rules_.on_typed)
            return agent::write_frame(to_guest_, FrameType::data, bytes);
        std::string typed(bytes);
        const bool leaves = rules_.on_typed(typed);
        if (!typed.empty())
            agent::write_frame(to_guest_, FrameType::data, typed);
        if (leaves)
            end_ = LeftStream{};
    }

    void passed(std::size_t bytes) const
    {
        if (on_bytes_)
            on_bytes_(bytes);
    }

    void send()
    {
        while (sent_ < to_guest_.size()) {
            const ssize_t sent =
                ::send(stream_.get(), to_guest_.data() + sent_, to_guest_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR)
                continue;
            if (sent < 0 && errno == EAGAIN)
                return;
            if (sent < 0) {
                in_ = -1;  // the command ended; how it did is still to be read
                break;
            }
            sent_ += static_cast<std::size_t>(sent);
        }
        to_guest_.clear();
        sent_ = 0;
    }

    void read_stream()
    {
        const ssize_t got = ::recv(stream_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        if (got <= 0) {
            end_ = connection_lost();
            return;
        }
        auto fed = reader_.feed({buffer_.data(), static_cast<std::size_t>(got)},
                                [this](FrameType type, std::string_view payload) { return take_frame(type, payload); });
        if (!fed)
            end_ = std::move(fed).error();
    }

    bool take_frame(FrameType type, std::string_view payload)
    {
        if (type == FrameType::out) {
            passed(payload.size());
            out_.write(payload);
        } else if (type == FrameType::err) {
            err_.write(payload);
        } else if (type == FrameType::gap) {
            if (rules_.on_gap)
                rules_.on_gap(agent::gap_of(payload));
        } else if (type == FrameType::done) {
            end_ = GuestExit{0};
        } else if (type == FrameType::exit) {
            take_exit(payload);
        } else if (type == FrameType::error) {
            take_error(payload);
        }
        return !end_;
    }

    void take_exit(std::string_view payload)
    {
        auto status = agent::exit_status_from_json(payload);
        if (status)
            end_ = GuestExit{status->shell_code()};
        else
            end_ = std::move(status).error();
    }

    void take_error(std::string_view payload)
    {
        auto said = json::parse_object(payload, "the guest's answer");
        end_ = said ? json::to_error(*said) : std::move(said).error();
    }

    void take_signals()
    {
        for (const int signal : signals_.read()) {
            if (signal == SIGWINCH || signal == SIGCONT)
                pass_size(signal == SIGCONT);
            else
                pass_stop(signal);
        }
    }

    void pass_size(bool continued)
    {
        if (!tty_)
            return;
        if (continued)
            raw_->enter();
        const auto size = terminal_size(terminal_);
        agent::write_frame(to_guest_, FrameType::resize, agent::resize_payload(size.columns, size.rows));
    }

    void pass_stop(int signal)
    {
        if (rules_.stop_leaves) {
            end_ = SignalExit{signal};
            return;
        }
        // Without its terminal nobody could insist; the guest's side hangs the command up when we leave.
        const int enough = signal == SIGHUP ? 1 : signal == SIGTERM ? 2 : 3;
        if (++seen_[static_cast<std::size_t>(signal)] == enough)
            end_ = SignalExit{signal};
        agent::write_frame(to_guest_, FrameType::signal, name_of(signal));
    }

    StreamEnd output_failed()
    {
        if (out_.failure() == EPIPE)
            return SignalExit{SIGPIPE};
        return sdk::os_error("write the command's output", out_.failure());
    }

    /// The command has ended: what it wrote still goes out. Somebody who does not want to wait for that says so.
    StreamEnd drain()
    {
        while (out_.failure() == 0 && (out_.waiting() > 0 || (err_.waiting() > 0 && err_.failure() == 0))) {
            std::array<pollfd, 3> watch{{{out_.waiting() > 0 ? out_.descriptor() : -1, POLLOUT, 0},
                                         {err_.waiting() > 0 ? err_.descriptor() : -1, POLLOUT, 0},
                                         {signals_.descriptor(), POLLIN, 0}}};
            if (::poll(watch.data(), watch.size(), -1) < 0 && errno != EINTR)
                return sdk::os_error("poll");
            if (watch[0].revents != 0)
                out_.flush();
            if (watch[1].revents != 0)
                err_.flush();
            if (watch[2].revents != 0)
                for (const int signal : signals_.read())
                    if (Signals::asks_to_stop(signal))
                        return std::move(*end_);
        }
        if (out_.failure() != 0)
            return output_failed();
        return std::move(*end_);
    }

    WithoutSigpipe without_sigpipe_;
    sdk::os::UniqueFd stream_;
    int in_;
    OutputSide out_;
    OutputSide err_;
    std::function<void(std::size_t)> on_bytes_;
    bool tty_;
    int terminal_ = -1;
    Signals& signals_;
    const StreamRules& rules_;
    std::optional<RawTerminal> raw_;
    agent::FrameReader reader_;
    std::array<char, piece> buffer_{};
    std::string to_guest_;
    std::size_t sent_ = 0;
    std::array<int, NSIG> seen_{};
    std::optional<StreamEnd> end_;
};

}  // namespace

StreamEnd run_stream(sdk::os::UniqueFd stream, const StandardStreams& streams, bool tty, Signals& signals,
                     const StreamRules& rules)
{
    return Pump(std::move(stream), streams, tty, signals, rules).run();
}

}  // namespace banger::cli
