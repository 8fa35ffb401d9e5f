// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <ctime>
#include <future>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/rpc/client.hpp"
#include "core/rpc/server.hpp"

namespace banger::rpc {
namespace {

class RpcTest : public ::testing::Test {
protected:
    void serve(Server::Handler handler)
    {
        auto listener = sdk::os::listen_unix(socket());
        ASSERT_TRUE(listener) << listener.error().message;
        server_ = std::make_unique<Server>(loop_, std::move(*listener), std::move(handler));
        thread_ = std::thread([this] { loop_.run(); });
    }
    void TearDown() override
    {
        if (thread_.joinable()) {
            boost::asio::post(loop_, [this] { server_->close(); });
            boost::asio::post(loop_, [this] { loop_.stop(); });
            thread_.join();
        }
        server_.reset();
    }
    [[nodiscard]] std::string socket() const { return directory_ + "/a.sock"; }

    sdk::testing::TemporaryDirectory temporary_;
    const std::string directory_ = temporary_.path();
    boost::asio::io_context loop_{1};
    std::unique_ptr<Server> server_;
    std::thread thread_;
};

TEST_F(RpcTest, AnswersWithNotificationsInOrder)
{
    serve([](const auto& exchange) {
        json::Object step;
        step.set("stage", "one");
        exchange->notify("progress", step.value());
        json::Object result;
        result.set("echo", json::string_or(exchange->params(), "text"));
        exchange->reply(result);
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    std::vector<std::string> heard;
    CallHooks hooks;
    hooks.on_notification = [&](const std::string& method, const json::Value& params) {
        heard.push_back(method + " " + json::string_or(params, "stage"));
    };
    json::Object params;
    const std::string odd("a\n\xff\"b\0c", 7);
    params.set("text", odd);
    auto reply = client->call("echo", params, hooks);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(json::string_or(reply->result, "echo"), odd);
    EXPECT_EQ(heard, std::vector<std::string>{"progress one"});
}

TEST_F(RpcTest, WhereThereIsNoDescriptorNobodySpins)
{
    serve([](const auto& exchange) { exchange->reply({}); });
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(socket().size(), sizeof address.sun_path);
    std::copy_n(socket().data(), socket().size(), static_cast<char*>(address.sun_path));
    sdk::os::UniqueFd mine(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit few{64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::vector<sdk::os::UniqueFd> all;
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0))
        all.emplace_back(fd);
    const bool connected = ::connect(mine.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const std::clock_t began = std::clock();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const double busy_s = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    all.clear();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_TRUE(connected);
    EXPECT_LT(busy_s, 0.25);
    auto client = Client::over(std::move(mine), sdk::make_error(sdk::Code::unavailable, "gone"));
    EXPECT_TRUE(client.call("x", {}));
}

TEST_F(RpcTest, AnErrorArrivesWhole)
{
    serve([](const auto& exchange) {
        exchange->fail(sdk::make_error(sdk::Code::busy, "it is busy", "wait").while_doing("start"));
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    auto reply = client->call("x", {});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, sdk::Code::busy);
    EXPECT_EQ(reply.error().message, "it is busy");
    EXPECT_EQ(reply.error().hint, "wait");
    EXPECT_EQ(reply.error().during, std::vector<std::string>{"start"});
}

TEST_F(RpcTest, DescriptorsTravelWithTheirAnswer)
{
    serve([](const auto& exchange) {
        std::array<int, 2> pair{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
        ASSERT_EQ(::write(pair[0], "hello", 5), 5);
        ::close(pair[0]);
        std::vector<sdk::os::UniqueFd> descriptors;
        descriptors.emplace_back(pair[1]);
        exchange->reply({}, std::move(descriptors));
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    for (int round = 0; round < 3; ++round) {
        auto reply = client->call("x", {});
        ASSERT_TRUE(reply);
        ASSERT_EQ(reply->descriptors.size(), 1U);
        std::array<char, 8> text{};
        EXPECT_EQ(::read(reply->descriptors[0].get(), text.data(), text.size()), 5);
        EXPECT_NE(::fcntl(reply->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
    }
}

TEST_F(RpcTest, DescriptorsTravelWithTheirRequestAndOnlyThat)
{
    serve([](const auto& exchange) {
        const auto taken = exchange->take_descriptors();
        json::Object result;
        result.set("count", taken.size());
        for (const auto& each : taken)
            EXPECT_EQ(::write(each.get(), "hello", 5), 5);
        exchange->reply(result);
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const sdk::os::UniqueFd ours(pair[0]);
    std::vector<sdk::os::UniqueFd> descriptors;
    descriptors.emplace_back(pair[1]);
    auto reply = client->call("with", {}, {}, std::move(descriptors));
    ASSERT_TRUE(reply);
    EXPECT_EQ(json::uint_or(reply->result, "count"), 1U);
    std::array<char, 8> text{};
    EXPECT_EQ(::read(ours.get(), text.data(), text.size()), 5);
    EXPECT_EQ(::read(ours.get(), text.data(), text.size()), 0) << "nobody has it any more";
    reply = client->call("without", {});
    ASSERT_TRUE(reply);
    EXPECT_EQ(json::uint_or(reply->result, "count"), 0U);
}

TEST_F(RpcTest, AnInterruptCancelsTheCallOnceAndItsAnswerIsAwaited)
{
    std::shared_ptr<Exchange> held;
    serve([&](const auto& exchange) {
        held = exchange;
        exchange->on_cancel([&] { held->fail(sdk::make_error(sdk::Code::cancelled, "rolled back")); });
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    const sdk::os::UniqueFd interrupt(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    CallHooks hooks;
    hooks.interrupt = interrupt.get();
    hooks.on_interrupt = [&] {
        std::uint64_t count = 0;
        return ::read(interrupt.get(), &count, sizeof count) == sizeof count;
    };
    auto reply = client->call("x", {}, hooks);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, sdk::Code::cancelled);
    boost::asio::post(loop_, [last = std::move(held)] {});  // it ends on its own thread
}

TEST_F(RpcTest, AClientThatGoesAwayCancelsItsCallsAndEndsItsConnection)
{
    std::promise<void> cancelled;
    std::promise<void> disconnected;
    std::promise<void> arrived;
    serve([&](const auto& exchange) {
        exchange->on_cancel([&] { cancelled.set_value(); });
        exchange->on_disconnect([&] { disconnected.set_value(); });
        arrived.set_value();
    });
    {
        auto socket_fd = sdk::os::connect_unix(socket());
        ASSERT_TRUE(socket_fd);
        ASSERT_TRUE(sdk::os::write_all(socket_fd->get(), encode_request(1, "x", json::Object().value())));
        arrived.get_future().wait();
    }
    cancelled.get_future().wait();
    disconnected.get_future().wait();
}

std::vector<Request> calls_named(const std::vector<std::string>& methods)
{
    std::vector<Request> requests(methods.size());
    for (std::size_t i = 0; i < methods.size(); ++i)
        requests[i].method = methods[i];
    return requests;
}

TEST_F(RpcTest, SeveralCallsAreUnderWayAtOnceAndEachHearsOfItself)
{
    std::vector<std::shared_ptr<Exchange>> held;  // the first three are answered backwards, once all are there
    serve([&](const auto& exchange) {
        json::Object step;
        step.set("stage", exchange->method());
        exchange->notify("progress", step.value());
        held.push_back(exchange);
        if (held.size() < 3)
            return;
        for (; !held.empty(); held.pop_back()) {
            json::Object result;
            result.set("method", held.back()->method());
            if (held.back()->method() == "b")
                held.back()->fail(sdk::make_error(sdk::Code::busy, "b is busy"));
            else
                held.back()->reply(result);
        }
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    std::vector<std::string> heard(3);
    std::vector<std::string> answers(3);
    std::vector<std::size_t> order;
    GroupHooks hooks;
    hooks.on_notification = [&](std::size_t which, const std::string& method, const json::Value& params) {
        heard.at(which) += method + " " + json::string_or(params, "stage");
    };
    hooks.on_reply = [&](std::size_t which, sdk::Result<Reply> reply) {
        order.push_back(which);
        answers.at(which) += reply ? json::string_or(reply->result, "method") : reply.error().message;
    };
    client->call_all(calls_named({"a", "b", "c"}), 8, hooks);
    EXPECT_EQ(heard, (std::vector<std::string>{"progress a", "progress b", "progress c"}));
    EXPECT_EQ(answers, (std::vector<std::string>{"a", "b is busy", "c"}));
    EXPECT_EQ(order, (std::vector<std::size_t>{2, 1, 0}));
}

TEST_F(RpcTest, NoMoreCallsThanAllowedAreUnderWay)
{
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    std::vector<std::shared_ptr<Exchange>> held;
    serve([&](const auto& exchange) {
        most = std::max<int>(most, ++running);
        held.push_back(exchange);
        if (held.size() < 2)
            return;
        for (; !held.empty(); held.pop_back()) {
            --running;
            held.back()->reply({});
        }
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    int replies = 0;
    GroupHooks hooks;
    hooks.on_reply = [&](std::size_t /*which*/, const sdk::Result<Reply>& reply) { replies += reply ? 1 : 0; };
    client->call_all(calls_named({"a", "b", "c", "d", "e", "f"}), 2, hooks);
    EXPECT_EQ(replies, 6);
    EXPECT_EQ(most, 2);
    client->call_all({}, 2, hooks);
    EXPECT_EQ(replies, 6) << "none asked, none answered";
}

TEST_F(RpcTest, AnInterruptCancelsEveryCallUnderWayAndMakesNoMore)
{
    std::atomic<int> made = 0;
    serve([&](const auto& exchange) {
        ++made;
        exchange->on_cancel([exchange] { exchange->fail(sdk::make_error(sdk::Code::cancelled, "rolled back")); });
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    const sdk::os::UniqueFd interrupt(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    std::vector<std::string> answers(4);
    GroupHooks hooks;
    hooks.interrupt = interrupt.get();
    hooks.on_interrupt = [&] {
        std::uint64_t count = 0;
        return ::read(interrupt.get(), &count, sizeof count) == sizeof count;
    };
    hooks.on_reply = [&](std::size_t which, const sdk::Result<Reply>& reply) {
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, sdk::Code::cancelled);
        answers.at(which) = reply.error().message;
    };
    client->call_all(calls_named({"a", "b", "c", "d"}), 2, hooks);
    EXPECT_EQ(answers, (std::vector<std::string>{"rolled back", "rolled back", "cancelled before it began",
                                                 "cancelled before it began"}));
    EXPECT_EQ(made, 2);
}

TEST_F(RpcTest, ALostDaemonEndsEveryCall)
{
    auto listener = sdk::os::listen_unix(socket());
    ASSERT_TRUE(listener);
    std::thread dying([&] {
        const sdk::os::UniqueFd connection(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
        char byte = 0;
        (void)!::read(connection.get(), &byte, 1);
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    int lost = 0;
    GroupHooks hooks;
    hooks.on_reply = [&](std::size_t /*which*/, const sdk::Result<Reply>& reply) {
        ASSERT_FALSE(reply);
        lost += reply.error().code == sdk::Code::unavailable ? 1 : 0;
    };
    client->call_all(calls_named({"a", "b", "c"}), 2, hooks);
    dying.join();
    EXPECT_EQ(lost, 3);
}

TEST_F(RpcTest, ALostDaemonIsSaid)
{
    // A daemon that dies in the middle of a call: its end of the connection closes without an answer.
    auto listener = sdk::os::listen_unix(socket());
    ASSERT_TRUE(listener);
    std::thread dying([&] {
        const sdk::os::UniqueFd connection(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
        char byte = 0;
        (void)!::read(connection.get(), &byte, 1);
    });
    auto client = Client::connect(socket());
    ASSERT_TRUE(client);
    auto reply = client->call("x", {});
    dying.join();
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, sdk::Code::unavailable);
}

/// A client that writes lines of its own and reads what comes back.
class RawClient {
public:
    explicit RawClient(const std::string& path) : socket_(std::move(*sdk::os::connect_unix(path))) {}

    /// The next message after `line` was sent; `null` if the connection closed.
    json::Document says(const std::string& line)
    {
        EXPECT_TRUE(sdk::os::write_all(socket_.get(), line + "\n"));
        for (;;) {
            auto message = reader_.next();
            EXPECT_TRUE(message);
            if (message && *message)
                return std::move((*message)->body);
            auto status = reader_.receive(socket_.get());
            if (!status || *status == MessageReader::Status::closed)
                return {};
        }
    }

private:
    sdk::os::UniqueFd socket_;
    MessageReader reader_;
};

std::int64_t code_of(const json::Document& answer)
{
    const json::Value* error = json::find(answer, "error");
    return error == nullptr ? 0 : json::find_int(*error, "code").value_or(0);
}

TEST_F(RpcTest, WhatIsNoRequestIsAnsweredWithTheCodesOfTheSpecificationAndTheConnectionGoesOn)
{
    serve([](const auto& exchange) { exchange->reply({}); });
    RawClient client(socket());
    const std::vector<std::pair<std::string, std::int64_t>> cases{
        {"not json", -32700},
        {std::string(1'000'000, '['), -32700},  // by recursion, that is a full stack
        {"[1,2]", -32600},
        {R"({"id":1,"method":"x","descriptors":3})", -32600},
        {R"({"id":1})", -32600},
        {R"({"id":1,"method":7})", -32600},
        {R"({"id":{},"method":"x"})", -32600},
        {R"({"id":1,"method":"x","params":[1]})", -32602},
    };
    for (const auto& [line, code] : cases) {
        const auto answer = client.says(line);
        EXPECT_EQ(code_of(answer), code) << line.substr(0, 60);
        EXPECT_EQ(json::string_or(answer, "jsonrpc"), "2.0");
        EXPECT_NE(json::find(answer, "id"), nullptr) << "null where there is none, but always there";
    }
    EXPECT_NE(json::find(client.says(R"({"jsonrpc":"2.0","id":1,"method":"x"})"), "result"), nullptr);
}

TEST_F(RpcTest, AnIdComesBackAsItWasGiven)
{
    serve([](const auto& exchange) {
        if (exchange->method() == "fail")
            exchange->fail(sdk::make_error(sdk::Code::not_found, "no such method"), ErrorCode::no_such_method);
        else
            exchange->reply({});
    });
    RawClient client(socket());
    for (const std::string id : {R"("seven")", "7", "-7", R"("7")"}) {
        const auto answer = client.says(R"({"jsonrpc":"2.0","method":"x","id":)" + id + "}");
        ASSERT_NE(json::find(answer, "id"), nullptr) << id;
        EXPECT_EQ(json::to_text(*json::find(answer, "id")), id);
    }
    EXPECT_EQ(code_of(client.says(R"({"id":"a","method":"fail"})")), -32601);
}

TEST_F(RpcTest, ARequestWithATextForAnIdIsCancelledByIt)
{
    serve([](const auto& exchange) {
        exchange->on_cancel([exchange] { exchange->fail(sdk::make_error(sdk::Code::cancelled, "rolled back")); });
    });
    RawClient client(socket());
    const auto answer = client.says(R"({"id":"long","method":"x"})"
                                    "\n"
                                    R"({"id":"long","method":"x"})");
    EXPECT_EQ(code_of(answer), -32600) << "an id of two requests at a time would name neither";
    EXPECT_EQ(code_of(client.says(R"({"method":"cancel","params":{"id":"long"}})")), -32000);
}

TEST_F(RpcTest, NobodyListeningIsUnavailable)
{
    EXPECT_EQ(Client::connect(socket()).error().code, sdk::Code::unavailable);
}

}  // namespace
}  // namespace banger::rpc
