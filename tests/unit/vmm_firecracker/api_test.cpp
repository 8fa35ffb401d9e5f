// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "api.hpp"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::os::UniqueFd;
using ::testing::HasSubstr;

class ApiTest : public ::testing::Test {
protected:
    ApiTest()
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        auto made = Api::over(UniqueFd(ends[0]));
        EXPECT_TRUE(made);
        api.emplace(std::move(*made));
        server.reset(ends[1]);
    }
    // The answer can be there before the question.
    void server_says(const std::string& text) { EXPECT_TRUE(sdk::os::write_all(server.get(), text)); }
    void expect_error(Code code, const std::string& words, const ApiLimits& limits = {})
    {
        const auto answer = api->ask(start(), limits);
        ASSERT_FALSE(answer);
        EXPECT_EQ(to_string(answer.error().code), to_string(code)) << answer.error().message;
        EXPECT_THAT(answer.error().message, HasSubstr(words));
    }

    std::optional<Api> api;
    UniqueFd server;
};

TEST_F(ApiTest, OneRequestAfterTheOther)
{
    server_says("HTTP/1.1 204 \r\n\r\nHTTP/1.1 200 \r\nContent-Length: 20\r\n\r\n{\"state\":\"Running\"} ");
    ASSERT_TRUE(api->ask(start(), {}));
    const auto answer = api->ask(describe(), {});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*state_from(*answer), MachineState::running);
    std::array<char, 1024> asked{};
    ASSERT_GT(::read(server.get(), asked.data(), asked.size() - 1), 0);
    EXPECT_THAT(asked.data(), HasSubstr("PUT /actions HTTP/1.1\r\n"));
    EXPECT_THAT(asked.data(), HasSubstr("\r\n\r\n{\"action_type\":\"InstanceStart\"}GET / HTTP/1.1\r\n"));
}

TEST_F(ApiTest, ARefusalIsQuoted)
{
    server_says("HTTP/1.1 400 \r\nContent-Length: 27\r\n\r\n{\"fault_message\":\"not now\"} ");
    expect_error(Code::invalid, "Firecracker answers PUT /actions with 400: not now");
}

TEST_F(ApiTest, AnInternalErrorIsQuotedWhateverItSays)
{
    server_says("HTTP/1.1 500 \r\nContent-Length: 5\r\n\r\n<oh>\n");
    expect_error(Code::internal, "with 500: <oh>");
}

TEST_F(ApiTest, WhatIsNoHttpIsAnError)
{
    server_says("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    expect_error(Code::internal, "no HTTP");
}

TEST_F(ApiTest, AnAnswerWithoutEndIsCutOff)
{
    server_says("HTTP/1.1 200 \r\nContent-Length: 999999999\r\n\r\n");
    expect_error(Code::internal, "no HTTP");
}

TEST_F(ApiTest, AConnectionThatEndsIsAnError)
{
    server_says("HTTP/1.1 200 \r\nContent-Length: 10\r\n\r\n12");
    ASSERT_EQ(::shutdown(server.get(), SHUT_WR), 0);
    expect_error(Code::unavailable, "ended the conversation at PUT /actions");
}

TEST_F(ApiTest, AConnectionThatEndedBeforeIsAnError)
{
    server.reset();
    expect_error(Code::unavailable, "ended the conversation");
}

TEST_F(ApiTest, SilenceIsBounded)
{
    ApiLimits limits;
    limits.patience = std::chrono::milliseconds(20);
    expect_error(Code::timed_out, "does not answer PUT /actions within 20 ms", limits);
}

TEST_F(ApiTest, AnyWaitCanBeCancelled)
{
    const UniqueFd event(::eventfd(1, EFD_CLOEXEC));
    ApiLimits limits;
    limits.cancel_descriptor = event.get();
    expect_error(Code::cancelled, "cancelled", limits);
}

}  // namespace
}  // namespace banger::firecracker
