// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qmp.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/file.hpp"

namespace banger::qemu {
namespace {

using sdk::os::UniqueFd;

constexpr const char* greeting = R"({"QMP": {"version": {}, "capabilities": ["oob"]}})";

class QmpTest : public ::testing::Test {
protected:
    QmpTest()
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        client.reset(ends[0]);
        server.reset(ends[1]);
    }

    // The answers can be there before the questions: the client goes by ids.
    void server_says(const std::string& lines) { EXPECT_TRUE(sdk::os::write_all(server.get(), lines)); }
    static QmpLimits soon() { return {std::chrono::steady_clock::now() + std::chrono::seconds(30), -1}; }

    UniqueFd client;
    UniqueFd server;
};

TEST_F(QmpTest, NegotiatesAndFindsAnswersAmongEvents)
{
    server_says(std::string(greeting) + "\r\n" + R"({"return": {}, "id": 1})" + "\r\n" +
                R"({"event": "RESUME", "timestamp": {}})" + "\r\n" + R"({"return": {"running": true}, "id": 2})" +
                "\r\n");
    auto qmp = Qmp::open(std::move(client), soon());
    ASSERT_TRUE(qmp) << qmp.error().message;
    const auto answer = qmp->execute("query-status", soon());
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, R"({"running":true})");
}

TEST_F(QmpTest, EventsAreKeptForWhoeverAsks)
{
    server_says(std::string(greeting) + "\n" +
                R"({"event":"STOP","timestamp":{"seconds":1700000000,"microseconds":250000}})" + "\n" +
                R"({"return":{},"id":1})" + "\n" +
                R"({"event":"MIGRATION","data":{"status":"active"},"timestamp":{"seconds":1,"microseconds":0}})" +
                "\n");
    auto qmp = Qmp::open(std::move(client), soon());
    ASSERT_TRUE(qmp);
    const auto stop = qmp->next_event(soon());
    ASSERT_TRUE(stop) << stop.error().message;
    EXPECT_EQ(stop->name, "STOP");
    EXPECT_EQ(stop->data, "{}");
    EXPECT_EQ(stop->when.count(), 1700000000250000);
    const auto migration = qmp->next_event(soon());
    ASSERT_TRUE(migration) << migration.error().message;
    EXPECT_EQ(migration->name, "MIGRATION");
    EXPECT_EQ(migration->data, R"({"status":"active"})");
    const auto none = qmp->next_event({std::chrono::steady_clock::now(), -1});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, sdk::Code::timed_out);
}

TEST_F(QmpTest, ArgumentsGoOut)
{
    server_says(std::string(greeting) + "\n" + R"({"return":{},"id":1})" + "\n" + R"({"return":{},"id":2})" + "\n");
    auto qmp = Qmp::open(std::move(client), soon());
    ASSERT_TRUE(qmp);
    EXPECT_TRUE(qmp->execute("migrate", soon(), R"({"uri":"fd:x"})"));
    std::array<char, 512> buffer{};
    const ssize_t got = ::read(server.get(), buffer.data(), buffer.size());
    ASSERT_GT(got, 0);
    const std::string sent(buffer.data(), static_cast<std::size_t>(got));
    EXPECT_EQ(sent,
              "{\"execute\":\"qmp_capabilities\",\"id\":1}\n"
              "{\"execute\":\"migrate\",\"id\":2,\"arguments\":{\"uri\":\"fd:x\"}}\n");
}

TEST_F(QmpTest, QemusErrorIsQuoted)
{
    server_says(std::string(greeting) + "\n" + R"({"return":{},"id":1})" + "\n" +
                R"({"error":{"class":"GenericError","desc":"no such node"},"id":2})" + "\n");
    auto qmp = Qmp::open(std::move(client), soon());
    ASSERT_TRUE(qmp);
    const auto answer = qmp->execute("blockdev-del", soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, sdk::Code::precondition);
    EXPECT_EQ(answer.error().message, "QEMU refused blockdev-del: no such node");
}

TEST_F(QmpTest, TheEndIsNoticed)
{
    server.reset();
    const auto qmp = Qmp::open(std::move(client), soon());
    ASSERT_FALSE(qmp);
    EXPECT_EQ(qmp.error().code, sdk::Code::unavailable);
}

TEST_F(QmpTest, SomethingElseIsRefused)
{
    server_says("SSH-2.0-OpenSSH\r\n");
    const auto qmp = Qmp::open(std::move(client), soon());
    ASSERT_FALSE(qmp);
    EXPECT_EQ(qmp.error().code, sdk::Code::corrupt);
}

TEST_F(QmpTest, CancellationAndDeadlineEndTheWait)
{
    const UniqueFd cancel(::eventfd(1, EFD_CLOEXEC));
    auto cancelled = Qmp::open(UniqueFd(::dup(client.get())), {soon().deadline, cancel.get()});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, sdk::Code::cancelled);
    auto late = Qmp::open(std::move(client), {std::chrono::steady_clock::now(), -1});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, sdk::Code::timed_out);
}

}  // namespace
}  // namespace banger::qemu
