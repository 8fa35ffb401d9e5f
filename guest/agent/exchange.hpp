// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::agent {

/// The session's side of one request, as its exchange sees it. Lives as long as the exchange.
class Stream {
public:
    virtual ~Stream() = default;
    /// Starts the answer; `produce` is asked for its body from now on.
    virtual void respond(int status) = 0;
    /// There is something to produce again.
    virtual void wake() = 0;
    /// Opens the client's flow control window by so many received bytes.
    virtual void consumed(std::size_t bytes) = 0;
};

/// What a call of produce gave.
struct Produced {
    std::size_t bytes = 0;
    bool end = false;  ///< the body ends behind these bytes. No bytes and no end: ask again after wake()
};

/// One request and its answer. Destroyed when the stream closes, for whatever reason: that is the only notice.
class Exchange {
public:
    explicit Exchange(Stream& stream) : stream_(stream) {}
    virtual ~Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    virtual void on_body(std::string_view bytes) = 0;
    virtual void on_body_end() = 0;
    virtual Produced produce(std::span<char> room) = 0;

protected:
    Stream& stream_;
};

/// A request with a JSON body and a JSON answer.
class JsonExchange : public Exchange {
public:
    /// Answers at most once, now or later; does nothing once the stream is gone.
    using Reply = std::function<void(sdk::Result<std::string>)>;
    using Handler = std::function<void(const std::string& body, Reply reply)>;

    JsonExchange(Stream& stream, Handler handler) : Exchange(stream), handler_(std::move(handler)) {}

    void on_body(std::string_view bytes) override;
    void on_body_end() override;
    Produced produce(std::span<char> room) override;

private:
    void answer(sdk::Result<std::string> result);

    Handler handler_;
    std::string body_;
    std::string answer_;
    std::size_t sent_ = 0;
    bool answered_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A request whose body and answer are frames. Control frames are queued; data is pulled straight from its descriptor
/// when the client has room for it, so a slow client stops the source and nothing piles up here.
class FramedExchange : public Exchange {
public:
    static constexpr std::size_t usual_backlog = 256UL * 1024;
    /// With `most_backlog` bytes that wait to be written the client's window stays shut.
    explicit FramedExchange(Stream& stream, std::size_t most_backlog = usual_backlog);

    void on_body(std::string_view bytes) final;
    void on_body_end() final;
    Produced produce(std::span<char> room) final;

protected:
    /// One complete frame from the client.
    virtual void on_frame(FrameType type, std::string_view payload) = 0;
    /// The client ends its side. `clean` is false when it stopped inside a frame.
    virtual void on_end(bool clean) = 0;
    /// What a source gave: how many bytes of which type, or that there is nothing now.
    struct Pulled {
        FrameType type = FrameType::data;
        std::size_t bytes = 0;
    };
    /// Reads data from the exchange's own sources. No bytes: nothing now. May queue frames and finish.
    virtual Pulled pull(std::span<char> room) = 0;
    /// How many bytes from the client wait to be written.
    virtual std::size_t backlog() const { return 0; }

    void queue(FrameType type, std::string_view payload = {});
    /// The answer ends behind what is queued now.
    void finish();
    void fail(const sdk::Error& error);
    [[nodiscard]] bool finished() const { return finished_; }
    /// Whether the client has not taken yet all that was queued.
    [[nodiscard]] bool has_unsent() const { return sent_ < queued_.size(); }
    /// To be called when the backlog got shorter.
    void backlog_drained();

private:
    std::size_t most_backlog_;
    FrameReader reader_;
    std::string queued_;
    std::size_t sent_ = 0;
    std::size_t withheld_ = 0;  ///< received, not yet given back to the client's window
    bool finished_ = false;
};

}  // namespace banger::agent
