// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/connect_exchange.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "guest/protocol/exec_messages.hpp"

namespace banger::agent {
namespace {

class CountingStream final : public Stream {
public:
    explicit CountingStream(EventLoop& loop) : loop_(loop) {}
    void respond(int /*status*/) override {}
    void wake() override {}
    void consumed(std::size_t bytes) override
    {
        given_back += bytes;
        loop_.stop();
    }

    std::size_t given_back = 0;

private:
    EventLoop& loop_;
};

TEST(ConnectExchange, WhatCameBeforeTheConnectionStoodIsGivenBackOnceItIsWritten)
{
    const auto listener = sdk::os::listen_tcp("127.0.0.1", 0);
    ASSERT_TRUE(listener) << listener.error().message;
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ASSERT_EQ(getsockname(listener->get(), reinterpret_cast<sockaddr*>(&address), &size), 0);

    EventLoop loop;
    AcceptedConnections none;
    CountingStream stream(loop);
    ConnectExchange exchange(stream, loop, none);
    ConnectSpec spec;
    spec.tcp_address = "127.0.0.1";
    spec.tcp_port = ntohs(address.sin_port);
    std::string request;
    write_frame(request, FrameType::spec, to_json(spec));
    write_frame(request, FrameType::data, std::string(max_frame_payload, 'x'));  // less than the sockets' buffers hold
    exchange.on_body(request);
    ASSERT_EQ(stream.given_back, 0U) << "the connection stood at once";

    const auto patience = loop.after(std::chrono::seconds(10), [&] { loop.stop(); });
    loop.run();
    EXPECT_EQ(stream.given_back, request.size());
}

}  // namespace
}  // namespace banger::agent
