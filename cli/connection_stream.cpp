// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/connection_stream.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "cli/output_side.hpp"
#include "core/model/json.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::cli {
namespace {

using agent::FrameType;

class Connection {
public:
    explicit Connection(sdk::os::UniqueFd stream)
        : stream_(std::move(stream)), to_guest_(stream_.get()), out_(STDOUT_FILENO)
    {
    }

    sdk::Result<EndedBy> run()
    {
        while (!over_ || out_.waiting() > 0) {
            if (auto stepped = step(); !stepped)
                return std::move(stepped).error();
            if (out_.failure() != 0)
                return sdk::os_error("write what came from the guest", out_.failure());
        }
        if (!outcome_)
            return std::move(outcome_).error();
        return input_open_ ? EndedBy::guest : EndedBy::caller;
    }

private:
    sdk::Result<void> step()
    {
        const bool reads_stream = !over_ && out_.waiting() == 0;
        const auto on_stream =
            static_cast<short>((reads_stream ? POLLIN : 0) | (to_guest_.waiting() > 0 ? POLLOUT : 0));
        std::array<pollfd, 3> watch{{{on_stream != 0 ? stream_.get() : -1, on_stream, 0},
                                     {input_open_ && to_guest_.waiting() == 0 ? STDIN_FILENO : -1, POLLIN, 0},
                                     {out_.waiting() > 0 ? out_.descriptor() : -1, POLLOUT, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0)
            return errno == EINTR ? sdk::Result<void>() : sdk::os_error("poll");
        if (watch[2].revents != 0)
            out_.flush();
        if (to_guest_.waiting() > 0 && watch[0].revents != 0)
            to_guest_.flush();
        if (watch[1].revents != 0)
            read_input();
        return reads_stream && watch[0].revents != 0 ? read_stream() : sdk::Result<void>();
    }

    void read_input()
    {
        const ssize_t got = ::read(STDIN_FILENO, bytes_->data(), bytes_->size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        std::string frame;
        if (got > 0)
            agent::write_frame(frame, FrameType::data, {bytes_->data(), static_cast<std::size_t>(got)});
        else
            agent::write_frame(frame, FrameType::eof);
        input_open_ = got > 0;
        to_guest_.write(frame);
    }

    sdk::Result<void> read_stream()
    {
        const ssize_t got = ::recv(stream_.get(), bytes_->data(), bytes_->size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            return {};
        if (got <= 0)  // an end has a frame of its own
            return sdk::make_error(sdk::Code::unavailable, "the connection to the machine was lost before it ended",
                                   "see `banger vm list` and `banger daemon status`");
        return reader_.feed({bytes_->data(), static_cast<std::size_t>(got)},
                            [this](FrameType type, std::string_view payload) { return take(type, payload); });
    }

    bool take(FrameType type, std::string_view payload)
    {
        if (type == FrameType::data)
            out_.write(payload);
        else if (type == FrameType::eof)
            over_ = true;
        else if (type == FrameType::error) {
            auto said = json::parse_object(payload, "the guest's answer");
            outcome_ = said ? json::to_error(*said) : std::move(said).error();
            over_ = true;
        }
        return !over_;
    }

    sdk::os::UniqueFd stream_;
    OutputSide to_guest_;
    OutputSide out_;
    agent::FrameReader reader_;
    std::unique_ptr<std::array<char, agent::max_frame_payload>> bytes_ =
        std::make_unique<std::array<char, agent::max_frame_payload>>();
    bool input_open_ = true;
    bool over_ = false;
    sdk::Result<void> outcome_;
};

}  // namespace

sdk::Result<EndedBy> run_connection(sdk::os::UniqueFd stream)
{
    return Connection(std::move(stream)).run();
}

}  // namespace banger::cli
