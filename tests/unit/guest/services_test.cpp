// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/services.hpp"

#include <gtest/gtest.h>

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>

#include "banger/sdk/testing/fake_host.hpp"
#include "guest/protocol/session_messages.hpp"

namespace banger::agent {
namespace {

class DeafStream final : public Stream {
public:
    void respond(int /*status*/) override {}
    void wake() override {}
    void consumed(std::size_t /*bytes*/) override {}
};

/// The error that a request gets at once, if it gets one.
std::optional<std::string> refusal_of(const Router& router, const std::string& path, const std::string& spec)
{
    DeafStream stream;
    const auto exchange = router(path, stream);
    EXPECT_NE(exchange, nullptr) << path;
    std::string request;
    write_frame(request, FrameType::spec, spec);
    exchange->on_body(request);
    std::array<char, 4096> room{};
    const auto produced = exchange->produce(room);
    std::optional<std::string> error;
    FrameReader reader;
    EXPECT_TRUE(reader.feed({room.data(), produced.bytes}, [&](FrameType type, std::string_view payload) {
        if (type == FrameType::error)
            error = std::string(payload);
        return true;
    }));
    return error;
}

constexpr std::pair<const char*, const char*> framed[] = {{"/v0/exec", R"({"argv":["true"]})"},
                                                          {"/v0/write", R"({"path":"/nowhere/x"})"},
                                                          {"/v0/read", R"({"path":"/proc/self/stat"})"},
                                                          {"/v0/connect", R"({"tcp_port":1})"}};

TEST(Services, NothingHappensInAGuestThatHasNoRootYet)
{
    EventLoop loop;
    GuestState guest;
    Services services(loop, &guest, "/nowhere");
    for (const auto& [path, spec] : framed) {
        const auto refused = refusal_of(services.router(), path, spec);
        ASSERT_TRUE(refused) << path;
        EXPECT_NE(refused->find("still being started"), std::string::npos) << *refused;
        EXPECT_NE(refused->find("precondition"), std::string::npos) << *refused;
    }
    guest.init = "systemd";
    for (const auto& [path, spec] : framed) {
        const auto refused = refusal_of(services.router(), path, spec);
        EXPECT_TRUE(!refused || refused->find("still being started") == std::string::npos) << path;
    }
}

TEST(Services, AnAgentOnAHostHasNothingToWaitFor)
{
    EventLoop loop;
    Services services(loop, nullptr, "/nowhere");
    EXPECT_FALSE(refusal_of(services.router(), "/v0/read", R"({"path":"/proc/self/stat"})"));
}

/// A request for JSON, from now on.
class Asked final : public Stream {
public:
    Asked(Services& services, const std::string& path, const std::string& body) : exchange_(services.router()(path, *this))
    {
        exchange_->on_body(body);
        exchange_->on_body_end();
    }
    void respond(int /*status*/) override { answered_ = true; }
    void wake() override {}
    void consumed(std::size_t /*bytes*/) override {}

    [[nodiscard]] bool answered() const { return answered_; }
    std::string answer()
    {
        std::array<char, 65536> room{};
        return {room.data(), exchange_->produce(room).bytes};
    }

private:
    bool answered_ = false;
    std::unique_ptr<Exchange> exchange_;
};

/// A guest whose init is this process. Of its own power-off programs none is to be run: no init but these two.
class StoppingGuest : public testing::Test {
protected:
    StoppingGuest()
    {
        sigemptyset(&power_off_);
        sigaddset(&power_off_, SIGRTMIN + 4);
        sigprocmask(SIG_BLOCK, &power_off_, nullptr);
        guest_.init = "banger";
        guest_.init_pid = getpid();
    }
    ~StoppingGuest() override { times_told(); }

    /// How often the init was told to power off since this was asked last.
    int times_told() const
    {
        const timespec now{};
        int times = 0;
        while (sigtimedwait(&power_off_, nullptr, &now) > 0)
            ++times;
        return times;
    }
    /// Runs the loop until it is so.
    bool comes_true(const std::function<bool()>& it)
    {
        const auto deadline = EventLoop::Clock::now() + std::chrono::seconds(30);
        while (!it() && EventLoop::Clock::now() < deadline) {
            const auto turn = loop_.after(std::chrono::milliseconds(10), [this] { loop_.stop(); });
            loop_.run();
        }
        return it();
    }
    std::string ask(const std::string& path, const std::string& body)
    {
        Asked asked(services_, path, body);
        EXPECT_TRUE(comes_true([&] { return asked.answered(); })) << path;
        return asked.answer();
    }
    std::string shut_down() { return Asked(services_, "/v0/shutdown", "{}").answer(); }

    static std::string spec(const std::string& script, bool tty = false)
    {
        SessionSpec spec;
        spec.exec.argv = {"/bin/sh", "-c", script};
        spec.exec.user = std::to_string(getuid()) + ":" + std::to_string(getgid());
        spec.exec.cwd = "/";
        spec.exec.tty = tty;
        spec.name = "work";
        return to_json(spec);
    }
    /// Begins the session "work", which says that it is up.
    void begin(const std::string& script, bool tty = false)
    {
        ask("/v0/session/start", spec(script, tty));
        ASSERT_TRUE(comes_true([&] { return said() == "up\n"; }));
    }
    SessionFacts facts()
    {
        const auto all = sessions_from_json(ask("/v0/session/list", R"({"name":"work"})"));
        return all && all->size() == 1 ? all->front() : SessionFacts();
    }
    bool ends()
    {
        return comes_true([&] { return facts().state == SessionFacts::State::ended; });
    }
    /// What the session wrote to the file `says_`.
    std::string said() const
    {
        std::ifstream file(says_);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    sdk::testing::TemporaryDirectory directory_;
    const std::string says_ = directory_.path() + "/said";
    EventLoop loop_;
    GuestState guest_;
    Services services_{loop_, &guest_, directory_.path() + "/sessions"};

private:
    sigset_t power_off_{};
};

TEST_F(StoppingGuest, OurInitHearsAtOnceAndTheTerminalOfASessionHangsUp)
{
    begin("trap '' TERM; echo up >>" + says_ + "; exec sleep 1000", true);
    EXPECT_EQ(shut_down(), "{}");
    EXPECT_EQ(times_told(), 1);
    ASSERT_TRUE(ends());
    EXPECT_EQ(facts().end.exit.signal, SIGHUP);
    EXPECT_TRUE(facts().end.by_machine);
    EXPECT_EQ(shut_down(), "{}");
    EXPECT_EQ(times_told(), 1) << "it may not have heard";
}

TEST_F(StoppingGuest, StartsNoSession)
{
    ask("/v0/session/list", "{}");
    Asked under_way(services_, "/v0/session/start", spec("sleep 1000"));  // its needs are being looked for
    EXPECT_EQ(shut_down(), "{}");
    Asked late(services_, "/v0/session/start", spec("sleep 1000"));
    for (auto* start : {&under_way, &late}) {
        ASSERT_TRUE(comes_true([&] { return start->answered(); }));
        const auto answer = start->answer();
        EXPECT_NE(answer.find("the machine is stopping"), std::string::npos) << answer;
        EXPECT_NE(answer.find("precondition"), std::string::npos) << answer;
    }
    EXPECT_EQ(ask("/v0/session/list", "{}"), R"({"sessions":[]})");
}

TEST_F(StoppingGuest, IsNotStoppedTwiceAtATime)
{
    begin("trap 'echo term >>" + says_ + "' TERM; trap 'exit 0' WINCH; echo up >>" + says_ + "; while :; do sleep 0.05; done");
    guest_.init = "systemd";
    EXPECT_EQ(shut_down(), "{}");
    ASSERT_TRUE(comes_true([&] { return said() == "up\nterm\n"; }));
    EXPECT_EQ(shut_down(), "{}");
    // A shell's traps run in the order of the signals' numbers: one more SIGTERM would be seen before this.
    SessionOrder last;
    last.name = "work";
    last.signal = SIGWINCH;
    ask("/v0/session/signal", to_json(last));
    ASSERT_TRUE(ends());
    EXPECT_EQ(said(), "up\nterm\n");
    EXPECT_LE(times_told(), 1) << "none where no systemd takes requests";
}

}  // namespace
}  // namespace banger::agent
