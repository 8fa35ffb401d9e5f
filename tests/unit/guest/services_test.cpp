// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/services.hpp"

#include <gtest/gtest.h>

#include <array>
#include <optional>

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

}  // namespace
}  // namespace banger::agent
