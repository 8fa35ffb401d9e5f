// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/connection.hpp"

#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdlib>

#include "guest/protocol/frames.hpp"
#include "guest/protocol/http2_limits.hpp"
#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

constexpr std::size_t read_size = 256UL * 1024;
constexpr std::size_t gather_size = 128UL * 1024;
constexpr int reads_per_turn = 16;

std::string fresh_nonce()
{
    std::string nonce(agent::nonce_size, '\0');
    for (std::size_t at = 0; at < nonce.size();) {
        const auto got = getrandom(nonce.data() + at, nonce.size() - at, 0);
        if (got > 0)
            at += static_cast<std::size_t>(got);
    }
    return nonce;
}

nghttp2_nv header(std::string_view name, std::string_view value)
{
    // nghttp2 takes pointers to non-const bytes and only reads them.
    auto bytes = [](std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

sdk::Error channel_error(std::string_view what)
{
    return sdk::make_error(sdk::Code::unavailable, "the connection to the guest's agent " + std::string(what),
                           "see `banger vm logs` for what the guest said last");
}

}  // namespace

void ClientStream::Port::wake() const
{
    const auto to = connection.lock();
    if (to && to->http2_ != nullptr && nghttp2_session_resume_data(to->http2_, id) == 0)
        to->want_flush();
}

void ClientStream::Port::consumed(std::size_t bytes) const
{
    const auto to = connection.lock();
    if (!to || to->http2_ == nullptr)
        return;
    nghttp2_session_consume_stream(to->http2_, id, bytes);
    to->want_flush();
}

void ClientStream::Port::reset(const sdk::Error& why) const
{
    const auto to = connection.lock();
    if (!to || to->http2_ == nullptr || !to->slots_.contains(id))
        return;
    nghttp2_submit_rst_stream(to->http2_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    to->want_flush();
    to->finish(id, why);
}

bool ClientStream::take_refusal(std::string_view bytes)
{
    if (status_ == 200)
        return false;
    refusal_.append(bytes.substr(0, agent::max_frame_payload - std::min(refusal_.size(), agent::max_frame_payload)));
    port_.consumed(bytes.size());
    return true;
}

std::optional<sdk::Error> ClientStream::refusal() const
{
    return status_ == 200 ? std::nullopt : std::optional(agent::error_from_json(refusal_));
}

struct ConnectionCallbacks {
    static Connection& connection(void* user) { return *static_cast<Connection*>(user); }

    /// A copy: what the stream does may take it out of the map.
    static std::shared_ptr<ClientStream> find(void* user, std::int32_t id)
    {
        const auto found = connection(user).slots_.find(id);
        return found == connection(user).slots_.end() ? nullptr : found->second.stream;
    }

    static ssize_t read(nghttp2_session*, std::int32_t id, std::uint8_t* buffer, std::size_t length,
                        std::uint32_t* flags, nghttp2_data_source*, void* user)
    {
        const auto stream = find(user, id);
        // The agent has said its last word: end our side as well, and the stream is done without a reset.
        const auto produced = stream ? stream->produce({reinterpret_cast<char*>(buffer), length}) : Produced{0, true};
        if (produced.end)
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        else if (produced.bytes == 0)
            return NGHTTP2_ERR_DEFERRED;
        return static_cast<ssize_t>(produced.bytes);
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_length, const std::uint8_t* value, std::size_t value_length, std::uint8_t,
                         void* user)
    {
        const auto stream = find(user, frame->hd.stream_id);
        if (stream && std::string_view(reinterpret_cast<const char*>(name), name_length) == ":status")
            stream->on_status(std::atoi(std::string(reinterpret_cast<const char*>(value), value_length).c_str()));
        return 0;
    }

    static int on_data(nghttp2_session* http2, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t length, void* user)
    {
        // The connection's window is given back at once and the stream's when the bytes are used: one slow reader must
        // not stop the others.
        nghttp2_session_consume_connection(http2, length);
        if (const auto stream = find(user, id))
            stream->on_data({reinterpret_cast<const char*>(data), length});
        else
            nghttp2_session_consume_stream(http2, id, length);
        return 0;
    }

    static int on_frame(nghttp2_session* http2, const nghttp2_frame* frame, void* user)
    {
        const bool has_body = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
        if (has_body && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            connection(user).finish(frame->hd.stream_id, {});
            nghttp2_session_resume_data(http2, frame->hd.stream_id);
        }
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user)
    {
        connection(user).finish(id, channel_error("ended the request in the middle"));
        connection(user).slots_.erase(id);
        connection(user).windows_.end(id);
        return 0;
    }

    /// A request is a stream once it was sent.
    static int on_sent(nghttp2_session* http2, const nghttp2_frame* frame, void* user)
    {
        const auto id = frame->hd.stream_id;
        const auto found = connection(user).slots_.find(id);
        if (frame->hd.type == NGHTTP2_HEADERS && found != connection(user).slots_.end())
            nghttp2_session_set_local_window_size(http2, NGHTTP2_FLAG_NONE, id,
                                                  connection(user).windows_.begin(id, found->second.path));
        return 0;
    }

    static ssize_t data_size(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t session_window,
                             std::int32_t stream_window, std::uint32_t max_frame, void*)
    {
        return std::min({static_cast<ssize_t>(session_window), static_cast<ssize_t>(stream_window),
                         static_cast<ssize_t>(max_frame),
                         static_cast<ssize_t>(agent::frame_header_size + agent::max_frame_payload)});
    }
};

Connection::Connection(boost::asio::io_context& loop, sdk::os::UniqueFd channel, const agent::Token& token)
    : loop_(loop), channel_(loop, channel.release())
{
    channel_.non_blocking(true);
    const auto nonce = fresh_nonce();
    greeting_ = agent::client_preamble(token, nonce);
    answer_.emplace(agent::agent_preamble(token, nonce));
    make_session();
}

Connection::~Connection()
{
    nghttp2_session_del(http2_);
}

void Connection::make_session()
{
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &ConnectionCallbacks::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &ConnectionCallbacks::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &ConnectionCallbacks::on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &ConnectionCallbacks::on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &ConnectionCallbacks::on_sent);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, &ConnectionCallbacks::data_size);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, agent::http2_most_streams);
    nghttp2_session_client_new2(&http2_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);

    const auto settings = agent::http2_settings();
    nghttp2_submit_settings(http2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(http2_, NGHTTP2_FLAG_NONE, 0, agent::http2_connection_window);
}

void Connection::start()
{
    // The session follows the greeting at once: the agent reads on behind it, and no round trip is spent.
    unsent_ = greeting_;
    await_input();
    flush();
}

void Connection::submit(const std::string& path, const std::shared_ptr<ClientStream>& stream, For whom)
{
    if (dead_)
        return stream->on_closed(*dead_);
    const std::array<nghttp2_nv, 4> headers{header(":method", "POST"), header(":scheme", "http"),
                                            header(":authority", "guest"), header(":path", path)};
    nghttp2_data_provider body{};
    body.read_callback = &ConnectionCallbacks::read;
    const auto id = nghttp2_submit_request(http2_, nullptr, headers.data(), headers.size(), &body, nullptr);
    if (id < 0)
        return stream->on_closed(channel_error("takes no more requests"));
    slots_.emplace(id, Slot{path, stream, whom});
    if (whom == For::somebody)
        ++open_streams_;
    stream->on_open({weak_from_this(), id});
    want_flush();
}

void Connection::finish(std::int32_t id, sdk::Result<void> how)
{
    const auto found = slots_.find(id);
    if (found == slots_.end() || !found->second.stream)
        return;
    const auto stream = std::exchange(found->second.stream, nullptr);
    if (found->second.whom == For::somebody)
        --open_streams_;
    stream->on_closed(std::move(how));
}

void Connection::close(const sdk::Error& why)
{
    if (dead_)
        return;
    dead_ = why;
    alive_ = false;
    const auto self = shared_from_this();
    boost::system::error_code ignored;
    channel_.close(ignored);
    while (!slots_.empty()) {
        const auto id = slots_.begin()->first;
        finish(id, why);
        slots_.erase(id);
    }
    for (auto& then : std::exchange(connected_, {}))
        then(why);
    for (auto& then : std::exchange(closed_, {}))
        then(why);
}

void Connection::when_connected(std::function<void(sdk::Result<void>)> then)
{
    if (dead_)
        then(*dead_);
    else if (!answer_)
        then({});
    else
        connected_.push_back(std::move(then));
}

void Connection::when_closed(std::function<void(const sdk::Error&)> then)
{
    if (!dead_)
        closed_.push_back(std::move(then));
    else
        then(*dead_);
}

void Connection::await_input()
{
    channel_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [weak = weak_from_this()](const boost::system::error_code& error) {
                            if (const auto self = weak.lock(); self && !error)
                                self->read_input();
                        });
}

void Connection::read_input()
{
    // One for the loop's thread, made when it first reads. Not in the thread's own storage: the C library fills that of every
    // thread when it starts, also of those that never read.
    static thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(read_size);
    for (int turn = 0; turn < reads_per_turn && !dead_; ++turn) {
        const auto count = recv(channel_.native_handle(), buffer.get(), read_size, MSG_DONTWAIT);
        if (count > 0) {
            if (!take_input({buffer.get(), static_cast<std::size_t>(count)}))
                return close(channel_error("carries something that is not our protocol"));
        } else if (count < 0 && errno == EAGAIN) {
            break;
        } else if (count == 0 || errno != EINTR) {
            return close(channel_error("was closed"));
        }
    }
    if (!dead_)
        await_input();
}

bool Connection::take_input(std::string_view bytes)
{
    if (answer_) {
        // Whatever comes before the answer was meant for a client that is gone.
        const auto end = answer_->find(bytes);
        if (!end)
            return true;
        bytes.remove_prefix(*end);
        answer_.reset();
        for (auto& then : std::exchange(connected_, {}))
            then({});
        if (bytes.empty())
            return true;
    }
    const auto used =
        nghttp2_session_mem_recv(http2_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    want_flush();
    return used >= 0 && (nghttp2_session_want_read(http2_) != 0 || nghttp2_session_want_write(http2_) != 0);
}

void Connection::want_flush()
{
    if (std::exchange(flush_wanted_, true))
        return;
    boost::asio::post(loop_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->flush_wanted_ = false;
            self->flush();
        }
    });
}

void Connection::await_room()
{
    if (std::exchange(awaiting_room_, true))
        return;
    channel_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                        [weak = weak_from_this()](const boost::system::error_code& error) {
                            const auto self = weak.lock();
                            if (!self || error)
                                return;
                            self->awaiting_room_ = false;
                            self->flush();
                        });
}

/// False when the channel takes no more now, or never again.
bool Connection::send_some(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto count = send(channel_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            unsent_.assign(bytes);
            await_room();
            return false;
        } else if (errno != EINTR) {
            return false;  // reading tells why, and still gets what the agent said before
        }
    }
    return true;
}

void Connection::flush()
{
    if (dead_ || awaiting_room_)
        return;
    if (!unsent_.empty() && !send_some(std::exchange(unsent_, {})))
        return;
    std::string gathered;
    for (;;) {
        const std::uint8_t* data = nullptr;
        const auto size = nghttp2_session_mem_send(http2_, &data);
        if (size <= 0)
            break;
        const std::string_view piece(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        if (gathered.empty() && piece.size() >= gather_size / 4) {
            if (!send_some(piece))
                return;
            continue;
        }
        gathered.append(piece);
        if (gathered.size() >= gather_size && !send_some(std::exchange(gathered, {})))
            return;
    }
    send_some(gathered);
}

}  // namespace banger::guest
