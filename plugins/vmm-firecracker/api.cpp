// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "api.hpp"

#include <fcntl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace banger::firecracker {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using sdk::Code;
using sdk::make_error;

constexpr std::size_t longest_answer = 1U << 20U;

std::string name_of(const Request& request)
{
    return request.verb + " " + request.path;
}

http::request<http::string_body> message_of(const Request& request)
{
    http::request<http::string_body> message(http::string_to_verb(request.verb), request.path, 11);
    message.set(http::field::host, "localhost");
    message.set(http::field::accept, "application/json");
    if (!request.body.empty()) {
        message.set(http::field::content_type, "application/json");
        message.body() = request.body;
    }
    message.prepare_payload();
    return message;
}

sdk::Error broken(const Request& request, const ApiLimits& limits, const boost::system::error_code& error)
{
    if (error == beast::error::timeout)
        return make_error(Code::timed_out, "Firecracker does not answer " + name_of(request) + " within " +
                                               std::to_string(limits.patience.count()) + " ms");
    if (&error.category() == &http::make_error_code(http::error::bad_version).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message)
        return make_error(Code::internal,
                          "Firecracker answers " + name_of(request) + " with what is no HTTP: " + error.message());
    return make_error(Code::unavailable, "Firecracker ended the conversation at " + name_of(request));
}

sdk::Error refused(const Request& request, unsigned status, const std::string& body)
{
    return make_error(status / 100 == 4 ? Code::invalid : Code::internal,
                      "Firecracker answers " + name_of(request) + " with " + std::to_string(status) + ": " +
                          fault_from(body).value_or(body.empty() ? "no reason given" : body));
}

}  // namespace

struct Api::Connection {
    asio::io_context loop;
    beast::basic_stream<asio::local::stream_protocol> stream{loop};
    beast::flat_buffer buffer;
};

Api::Api(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Api::Api(Api&&) noexcept = default;
Api::~Api() = default;

sdk::Result<Api> Api::over(sdk::os::UniqueFd socket)
{
    auto connection = std::make_unique<Connection>();
    boost::system::error_code error;
    connection->stream.socket().assign(asio::local::stream_protocol(), socket.get(), error);
    if (error)
        return sdk::os_error("talk to Firecracker", error.value());
    (void)socket.release();
    return Api(std::move(connection));
}

sdk::Result<std::string> Api::ask(const Request& request, const ApiLimits& limits)
{
    auto& [loop, stream, buffer] = *connection_;
    const auto message = message_of(request);
    http::response_parser<http::string_body> answer;
    answer.body_limit(longest_answer);
    boost::system::error_code failure;
    bool cancelled = false;

    asio::posix::stream_descriptor cancel(loop);
    if (limits.cancel_descriptor >= 0) {
        const int copy = ::fcntl(limits.cancel_descriptor, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return sdk::os_error("watch for cancellation");
        cancel.assign(copy);
        cancel.async_wait(asio::posix::stream_descriptor::wait_read, [&](const boost::system::error_code& error) {
            if (error)
                return;  // the answer was there first
            cancelled = true;
            stream.cancel();
        });
    }
    const auto done = [&](const boost::system::error_code& error) {
        failure = error;
        boost::system::error_code ignored;
        cancel.cancel(ignored);
    };
    stream.expires_after(limits.patience);
    http::async_write(stream, message, [&](const boost::system::error_code& error, std::size_t) {
        if (error)
            return done(error);
        http::async_read(stream, buffer, answer,
                         [&](const boost::system::error_code& read_error, std::size_t) { done(read_error); });
    });
    loop.restart();
    loop.run();
    stream.expires_never();

    if (cancelled)
        return make_error(Code::cancelled, "cancelled");
    if (failure)
        return broken(request, limits, failure);
    if (answer.get().result_int() / 100 != 2)
        return refused(request, answer.get().result_int(), answer.get().body());
    return std::move(answer.get().body());
}

}  // namespace banger::firecracker
