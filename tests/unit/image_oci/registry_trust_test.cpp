// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What a registry is shown, and where it may lead.
#include "registry_test.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/os/file.hpp"
#include "child_server.hpp"

namespace banger::oci {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using sdk::Code;

// Whoever holds what a registry leads to; notes who showed a password or a token.
class OtherHost {
public:
    explicit OtherHost(std::string bytes)
        : server([bytes = std::move(bytes)](const Request& /*request*/, Reply& reply) { reply.send(200, bytes); })
    {
    }
    [[nodiscard]] bool was_told_a_secret() const
    {
        for (const auto& request : server.requests())
            if (request.headers.contains("authorization"))
                return true;
        return false;
    }
    LoopbackServer server;
};

TEST_F(RegistryTest, APasswordIsShownToItsRegistryOnly)
{
    const OtherHost other(layer_bytes);
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        const auto shown = request.headers.find("authorization");
        if (shown == request.headers.end() || shown->second != "Basic dGVzdGVyOnNlY3JldA==")
            reply.send(401, "{}", {{"WWW-Authenticate", "Basic realm=\"x\""}});
        else if (is_blob(request, layer_bytes))
            reply.send(307, "", {{"Location", "http://" + other.server.address() + "/elsewhere"}});
        else
            return false;
        return true;
    });
    log_in(server.server.address());
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(pulled->front(), layer_bytes);
    EXPECT_EQ(other.server.requests().size(), 1U);
    EXPECT_FALSE(other.was_told_a_secret());
}

TEST_F(RegistryTest, APasswordMayComeFromAProgram)
{
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        const auto shown = request.headers.find("authorization");
        const bool allowed = shown != request.headers.end() && shown->second == "Basic dGVzdGVyOnNlY3JldA==";
        if (!allowed)
            reply.send(401, "{}", {{"WWW-Authenticate", "Basic realm=\"x\""}});
        return !allowed;
    });
    const auto program = directory.path() + "/docker-credential-safe";
    ASSERT_TRUE(sdk::os::write_file_atomic(program, "#!/bin/sh\nread server\n[ \"$1 $server\" = \"get " +
                                                        server.server.address() + "\" ] || exit 1\n"
                                                        "echo '{\"Username\": \"tester\", \"Secret\": \"secret\"}'\n",
                                           0700));
    ::setenv("PATH", (directory.path() + ":/usr/bin:/bin").c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    const auto file = directory.path() + "/auth.json";
    ::setenv("REGISTRY_AUTH_FILE", file.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    for (const std::string& said : {R"({"credHelpers": {")" + server.server.address() + R"(": "safe"}})",
                                    std::string(R"({"auths": {}, "credsStore": "safe"})")}) {
        ASSERT_TRUE(sdk::os::write_file_atomic(file, said));
        auto pulled = pull(server);
        EXPECT_TRUE(pulled) << said << pulled.error().message;
    }
    ASSERT_TRUE(sdk::os::write_file_atomic(file, R"({"credsStore": "missing"})"));
    EXPECT_EQ(failure_of(server).code, Code::permission);
    EXPECT_THAT(call.warnings(), ElementsAre(HasSubstr("docker-credential-missing")));
}

TEST_F(RegistryTest, ATokenIsFetchedWithThePasswordAndShownToItsRegistryOnly)
{
    const OtherHost other(layer_bytes);
    std::string here;
    const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
        const auto shown = request.headers.find("authorization");
        const std::string authorization = shown == request.headers.end() ? "" : shown->second;
        if (request.path.starts_with("/token?"))
            reply.send(authorization == "Basic dGVzdGVyOnNlY3JldA==" ? 200 : 401, R"({"token": "let-me-in"})");
        else if (authorization != "Bearer let-me-in")
            reply.send(401, "{}",
                       {{"WWW-Authenticate", "Bearer realm=\"http://" + request.headers.at("host") +
                                                 "/token\",service=\"a service\",scope=\"repository:made/here:pull\""}});
        else if (is_blob(request, layer_bytes))
            reply.send(307, "", {{"Location", "http://" + other.server.address() + "/elsewhere"}});
        else
            return false;
        return true;
    });
    log_in(server.server.address());
    auto pulled = pull(server);
    ASSERT_TRUE(pulled) << pulled.error().message;
    const auto asked = server.server.requests_for("/token?");
    ASSERT_FALSE(asked.empty());
    EXPECT_THAT(asked.front().path, HasSubstr("service=a%20service&scope=repository%3Amade%2Fhere%3Apull"));
    EXPECT_FALSE(other.was_told_a_secret());
}

TEST_F(RegistryTest, ARedirectLeadsToNoOtherKindOfPlace)
{
    for (const std::string place : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"}) {
        const FakeRegistry server({layer_bytes}, [&](const Request& request, Reply& reply) {
            if (is_blob(request, layer_bytes))
                reply.send(302, "", {{"Location", place}});
            return is_blob(request, layer_bytes);
        });
        EXPECT_EQ(failure_of(server).code, Code::unavailable) << place;
        EXPECT_FALSE(sdk::os::exists(directory.path() + "/" + server.layer(0).substr(7)));
    }
}

TEST_F(RegistryTest, TlsIsNotLeftForPlainHttp)
{
    const OtherHost other(layer_bytes);
    const TlsServer server(directory.path());
    server.answer("moved", "HTTP/1.0 302 Found\r\nLocation: http://" + other.server.address() + "/x\r\n\r\n");
    const auto answer = blobs::http_get({.url = "https://" + server.address() + "/moved",
                                         .accept = "*/*",
                                         .user = "tester:secret",
                                         .authority = server.authority(),
                                         .plain = true,
                                         .direct = true,
                                         .most = 1000},
                                        call);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 0) << "the connection is given up";
    EXPECT_THAT(other.server.requests(), IsEmpty());
    const auto unknown = blobs::http_get({.url = "https://" + server.address() + "/moved", .direct = true}, call);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Code::permission) << "nobody vouches for its certificate";
}

}  // namespace
}  // namespace banger::oci
