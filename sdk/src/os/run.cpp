// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "banger/sdk/os/process.hpp"
#include "pipe.hpp"

namespace banger::sdk::os {
namespace {

using Clock = std::chrono::steady_clock;

// The state of one run(): what is still open and what has come.
class Conversation {
public:
    Conversation(const std::string& input, const RunLimits& limits) : input_(input), limits_(limits) {}

    Result<void> go(UniqueFd in, int out, int err, int pidfd)
    {
        const auto deadline = Clock::now() + limits_.timeout;
        std::array<int, 3> ends{in.get(), out, err};
        while (ends[0] >= 0 || ends[1] >= 0 || ends[2] >= 0 || !ended_) {
            std::array<pollfd, 5> watch{{{ends[0], POLLOUT, 0},
                                         {ends[1], POLLIN, 0},
                                         {ends[2], POLLIN, 0},
                                         {ended_ ? -1 : pidfd, POLLIN, 0},
                                         {limits_.cancel_descriptor, POLLIN, 0}}};
            // Once the program ended, a grandchild may keep the pipes open for ever: take what is there, no more.
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            const int count =
                ::poll(watch.data(), watch.size(), ended_ ? 0 : static_cast<int>(std::max<long>(left, 0)));
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return os_error("poll");
            if (count == 0 && ended_)
                return {};
            if (!ended_ && Clock::now() >= deadline)  // also for one that never stops talking
                return make_error(Code::timed_out, "it did not finish in time");
            if (watch[4].revents != 0)
                return make_error(Code::cancelled, "cancelled");
            if (watch[0].revents != 0 && !feed(ends[0])) {
                ends[0] = -1;
                in.reset();  // the program's end of input
            }
            if (watch[1].revents != 0 && !take(ends[1], output.out))
                ends[1] = -1;
            if (watch[2].revents != 0 && !take(ends[2], output.err))
                ends[2] = -1;
            if (watch[2].revents != 0)
                report_lines();
            if (watch[3].revents != 0) {
                ended_ = true;
                ends[0] = -1;
            }
        }
        return {};
    }

    Output output;

private:
    bool feed(int fd)
    {
        if (sent_ == input_.size())
            return false;
        const ssize_t wrote = ::write(fd, input_.data() + sent_, input_.size() - sent_);
        if (wrote < 0)
            return errno == EAGAIN || errno == EINTR;
        sent_ += static_cast<std::size_t>(wrote);
        return sent_ < input_.size();
    }

    bool take(int fd, std::string& into) const
    {
        std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        if (got == 0)
            return false;
        const auto room = limits_.most_output - std::min(limits_.most_output, into.size());
        into.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
        return true;
    }

    void report_lines()
    {
        if (!limits_.on_err_line)
            return;
        for (auto end = output.err.find('\n', reported_); end != std::string::npos;
             end = output.err.find('\n', reported_)) {
            limits_.on_err_line(std::string_view(output.err).substr(reported_, end - reported_));
            reported_ = end + 1;
        }
    }

    const std::string& input_;
    const RunLimits& limits_;
    std::size_t sent_ = 0;
    std::size_t reported_ = 0;
    bool ended_ = false;
};

std::string last_lines(const std::string& text, std::size_t most)
{
    auto end = text.find_last_not_of(" \n\r\t");
    if (end == std::string::npos)
        return {};
    std::string tail = text.substr(0, end + 1);
    if (tail.size() > most)
        tail = "..." + tail.substr(tail.size() - most);
    return tail;
}

void ignore_broken_pipes()
{
    // A program may end before it has read its input; that is no reason for us to die.
    struct sigaction action {};
    if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL)
        ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

Result<Output> run(Command command, const std::string& input, const RunLimits& limits)
{
    auto in = make_pipe();
    auto out = make_pipe();
    auto err = make_pipe();
    if (!in || !out || !err)
        return os_error("make a pipe");
    ignore_broken_pipes();
    const bool capture = command.out < 0;
    command.in = in->first.get();
    if (capture)
        command.out = out->second.get();
    command.err = err->second.get();
    auto child = spawn(command);
    if (!child)
        return std::move(child).error();
    in->first.reset();
    out->second.reset();
    err->second.reset();
    ::fcntl(in->second.get(), F_SETFL, O_NONBLOCK);
    if (input.empty())
        in->second.reset();
    Conversation talk(input, limits);
    auto went = talk.go(std::move(in->second), capture ? out->first.get() : -1, err->first.get(), child->pidfd());
    if (!went) {
        child->end_group();
        return std::move(went).error().while_doing("run " + command.argv.front());
    }
    auto status = child->wait();
    if (!status)
        return std::move(status).error();
    talk.output.status = *status;
    return std::move(talk.output);
}

Result<Output> run_checked(Command command, const std::string& input, const RunLimits& limits)
{
    const std::string program = command.argv.empty() ? std::string() : command.argv.front();
    auto output = run(std::move(command), input, limits);
    if (!output || output->status == 0)
        return output;
    std::string message = program + " failed with status " + std::to_string(output->status);
    if (const auto tail = last_lines(output->err, 600); !tail.empty())
        message += ": " + tail;
    return make_error(Code::internal, std::move(message));
}

}  // namespace banger::sdk::os
