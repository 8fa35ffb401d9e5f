// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/session.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

#include "guest/protocol/http2_limits.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

nghttp2_nv header(std::string_view name, std::string_view value)
{
    // nghttp2 takes pointers to non-const bytes and only reads them.
    auto bytes = [](std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// The answer to a path nobody knows.
JsonExchange::Handler no_such_path(const std::string& path)
{
    return [path](const std::string&, const JsonExchange::Reply& reply) {
        reply(sdk::make_error(sdk::Code::unsupported, "the guest agent does not know " + path,
                              "the guest was started by another version of banger; restart it"));
    };
}

}  // namespace

class Session::Http2Stream final : public Stream {
public:
    Http2Stream(Session& session, std::int32_t id) : session_(session), id_(id) {}

    void respond(int status) override;
    void wake() override
    {
        if (nghttp2_session_resume_data(session_.http2_, id_) == 0)
            session_.want_output_();
    }
    void consumed(std::size_t bytes) override
    {
        nghttp2_session_consume_stream(session_.http2_, id_, bytes);
        session_.want_output_();
    }

    std::string path;
    std::unique_ptr<Exchange> exchange;

private:
    static ssize_t read(nghttp2_session* http2, std::int32_t id, std::uint8_t* buffer, std::size_t length,
                        std::uint32_t* flags, nghttp2_data_source* source, void* user);

    Session& session_;
    std::int32_t id_;
};

ssize_t Session::Http2Stream::read(nghttp2_session*, std::int32_t, std::uint8_t* buffer, std::size_t length,
                                   std::uint32_t* flags, nghttp2_data_source* source, void*)
{
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    const auto produced = stream.exchange->produce({reinterpret_cast<char*>(buffer), length});
    if (produced.end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (produced.bytes == 0)
        return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(produced.bytes);
}

void Session::Http2Stream::respond(int status)
{
    const std::string text = std::to_string(status);
    const std::array<nghttp2_nv, 1> headers{header(":status", text)};
    nghttp2_data_provider body{};
    body.source.ptr = this;
    body.read_callback = &Http2Stream::read;
    nghttp2_submit_response(session_.http2_, id_, headers.data(), headers.size(), &body);
    session_.want_output_();
}

struct SessionCallbacks {
    static Session& session(void* user) { return *static_cast<Session*>(user); }

    static Session::Http2Stream* find(void* user, std::int32_t id)
    {
        const auto found = session(user).streams_.find(id);
        return found == session(user).streams_.end() ? nullptr : found->second.get();
    }

    static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user)
    {
        const auto id = frame->hd.stream_id;
        if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            session(user).streams_.emplace(id, std::make_unique<Session::Http2Stream>(session(user), id));
        return 0;
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_length, const std::uint8_t* value, std::size_t value_length, std::uint8_t,
                         void* user)
    {
        auto* stream = find(user, frame->hd.stream_id);
        if (stream != nullptr && std::string_view(reinterpret_cast<const char*>(name), name_length) == ":path")
            stream->path.assign(reinterpret_cast<const char*>(value), value_length);
        return 0;
    }

    static int on_frame(nghttp2_session* http2, const nghttp2_frame* frame, void* user)
    {
        auto* stream = find(user, frame->hd.stream_id);
        if (stream == nullptr || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
            return 0;
        if (!stream->exchange) {
            stream->exchange = session(user).router_(stream->path, *stream);
            if (!stream->exchange)
                stream->exchange = std::make_unique<JsonExchange>(*stream, no_such_path(stream->path));
            const auto id = frame->hd.stream_id;
            nghttp2_session_set_local_window_size(http2, NGHTTP2_FLAG_NONE, id,
                                                  session(user).windows_.begin(id, stream->path));
        }
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
            stream->exchange->on_body_end();
        return 0;
    }

    static int on_data(nghttp2_session* http2, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t length, void* user)
    {
        // The connection's window is given back at once and the stream's when the bytes are used: a command that does
        // not read its stdin must not stop the others.
        nghttp2_session_consume_connection(http2, length);
        if (auto* stream = find(user, id); stream != nullptr && stream->exchange)
            stream->exchange->on_body({reinterpret_cast<const char*>(data), length});
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user)
    {
        session(user).streams_.erase(id);
        session(user).windows_.end(id);
        return 0;
    }

    static ssize_t data_size(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t session_window,
                             std::int32_t stream_window, std::uint32_t max_frame, void*)
    {
        return std::min({static_cast<ssize_t>(session_window), static_cast<ssize_t>(stream_window),
                         static_cast<ssize_t>(max_frame), static_cast<ssize_t>(frame_header_size + max_frame_payload)});
    }
};

Session::Session(Router router, std::function<void()> want_output)
    : router_(std::move(router)), want_output_(std::move(want_output))
{
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &SessionCallbacks::on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &SessionCallbacks::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &SessionCallbacks::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &SessionCallbacks::on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &SessionCallbacks::on_close);
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, &SessionCallbacks::data_size);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    // The client holds the VM's secret: a guard against floods of resets would only end a busy session.
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX / 2, UINT32_MAX);
    nghttp2_session_server_new2(&http2_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);

    const auto settings = http2_settings();
    nghttp2_submit_settings(http2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(http2_, NGHTTP2_FLAG_NONE, 0, http2_connection_window);
}

Session::~Session()
{
    streams_.clear();
    nghttp2_session_del(http2_);
}

bool Session::receive(std::string_view bytes)
{
    const auto used =
        nghttp2_session_mem_recv(http2_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    want_output_();
    return used >= 0 && (nghttp2_session_want_read(http2_) != 0 || nghttp2_session_want_write(http2_) != 0);
}

std::string_view Session::next_output()
{
    const std::uint8_t* data = nullptr;
    const auto size = nghttp2_session_mem_send(http2_, &data);
    if (size <= 0)
        return {};
    return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

}  // namespace banger::agent
