// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/link.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace banger::agent {
namespace {

Token token_of(char fill)
{
    Token token;
    token.fill(fill);
    return token;
}

std::string nonce_of(char fill)
{
    return std::string(nonce_size, fill);
}

/// A link on one end of a socket pair, its loop run until there is nothing left to do.
class LinkTest : public ::testing::Test {
protected:
    LinkTest()
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        host_.reset(ends[0]);
        link_ = std::make_shared<Link>(
            loop_, sdk::os::UniqueFd(ends[1]), Link::Kind::serial, token_of('o'),
            [](const std::string&, Stream&) { return nullptr; }, Link::Events{});
        link_->start();
    }

    /// Sends a greeting, and gives what the agent had to say to it.
    std::string greet(const Token& token, char nonce)
    {
        const auto greeting = client_preamble(token, nonce_of(nonce));
        EXPECT_EQ(write(host_.get(), greeting.data(), greeting.size()), static_cast<ssize_t>(greeting.size()));
        // Two rounds: what the greeting makes the link do later is done in the second.
        for (int round = 0; round < 2; ++round) {
            const auto enough = loop_.after(std::chrono::milliseconds(1), [this] { loop_.stop(); });
            loop_.run();
        }
        std::array<char, 4096> bytes{};
        const ssize_t got = read(host_.get(), bytes.data(), bytes.size());
        return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : std::string();
    }

    EventLoop loop_;
    sdk::os::UniqueFd host_;
    std::shared_ptr<Link> link_;
};

TEST_F(LinkTest, AnswersItsSecretOnly)
{
    EXPECT_EQ(greet(token_of('x'), '1'), "");
    EXPECT_FALSE(link_->in_session());
    EXPECT_TRUE(greet(token_of('o'), '2').starts_with(agent_preamble(token_of('o'), nonce_of('2'))));
    EXPECT_TRUE(link_->in_session());
}

TEST_F(LinkTest, ANewSecretOpensTheNextSessionAndLeavesThisOne)
{
    ASSERT_NE(greet(token_of('o'), '1'), "");
    link_->take_token(token_of('n'));
    EXPECT_TRUE(link_->in_session());
    const auto answer = greet(token_of('n'), '3');
    EXPECT_NE(answer.find(agent_preamble(token_of('n'), nonce_of('3'))), std::string::npos);
    EXPECT_EQ(greet(token_of('o'), '4').find(agent_magic), std::string::npos)
        << "the parent's secret still opens a session";
}

}  // namespace
}  // namespace banger::agent
