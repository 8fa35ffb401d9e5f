// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "core/guest/connection.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::guest {

/// A JSON question and its JSON answer.
class JsonCallStream final : public ClientStream {
public:
    using Done = std::function<void(sdk::Result<std::string>)>;

    JsonCallStream(std::string body, Done done) : body_(std::move(body)), done_(std::move(done)) {}

    Produced produce(std::span<char> room) override;
    void on_data(std::string_view bytes) override;
    void on_closed(sdk::Result<void> how) override;

private:
    std::string body_;
    std::size_t sent_ = 0;
    std::string answer_;
    Done done_;
};

/// A request made of frames with everything to send known beforehand: spec, data, eof.
class FrameCallStream : public ClientStream {
public:
    /// Each frame of the answer but errors. Returning an error gives the call up with it.
    using OnFrame = std::function<sdk::Result<void>(agent::FrameType, std::string_view)>;
    using Done = std::function<void(sdk::Result<void>)>;

    FrameCallStream(const std::string& spec, std::string content, OnFrame on_frame, Done done);

    Produced produce(std::span<char> room) override;
    void on_data(std::string_view bytes) override;
    void on_closed(sdk::Result<void> how) override;

protected:
    /// So many bytes are received and used up.
    virtual void used(std::size_t bytes) { port_.consumed(bytes); }

private:
    bool take_frame(agent::FrameType type, std::string_view payload);

    std::string queued_;  ///< frames ready to go
    std::size_t sent_ = 0;
    std::string content_;
    std::size_t taken_ = 0;  ///< of the content, into frames
    bool eof_queued_ = false;
    agent::FrameReader reader_;
    OnFrame on_frame_;
    std::optional<sdk::Error> failed_;
    Done done_;
};

/// One whose answer has no end, of a guest that is not trusted: it is read no faster than a window of its stream in each
/// interval, however much the guest has to say.
class PacedCallStream final : public FrameCallStream {
public:
    PacedCallStream(boost::asio::io_context& loop, std::chrono::milliseconds interval, const std::string& spec,
                    OnFrame on_frame, Done done)
        : FrameCallStream(spec, std::string(), std::move(on_frame), std::move(done)), timer_(loop), interval_(interval)
    {
    }

protected:
    void used(std::size_t bytes) override;

private:
    boost::asio::steady_timer timer_;
    std::chrono::milliseconds interval_;
    std::shared_ptr<std::size_t> withheld_ = std::make_shared<std::size_t>(0);
};

}  // namespace banger::guest
