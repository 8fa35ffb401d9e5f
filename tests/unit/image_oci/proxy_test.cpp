// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Proxies that the environment names, with a real one: tinyproxy.
#include <gmock/gmock.h>

#include <cstdlib>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "blobs/http_get.hpp"
#include "child_server.hpp"
#include "fake_registry.hpp"
#include "registry.hpp"

namespace banger::oci {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::Not;
using sdk::Code;

class ProxyTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
                                 "NO_PROXY", "REGISTRY_AUTH_FILE"})
            ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): before any other thread
        ::setenv("HOME", directory.path().c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }
    /// Starts the proxy, with more lines of tinyproxy.conf(5).
    void start(const std::string& settings = {})
    {
        if (!sdk::os::find_program("tinyproxy"))
            GTEST_SKIP() << "needs tinyproxy";
        port_ = free_port();
        ASSERT_TRUE(sdk::os::write_file_atomic(directory.path() + "/tinyproxy.conf",
                                               "Port " + std::to_string(port_) + "\nListen 127.0.0.1\nLogLevel Info\n" + settings));
        proxy_.emplace(std::vector<std::string>{"tinyproxy", "-d", "-c", directory.path() + "/tinyproxy.conf"}, directory.path(),
                       "Accepting connections");
    }
    void environment(const char* name, const std::string& value)
    {
        ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no other thread reads it now
    }
    [[nodiscard]] std::string proxy(const std::string& user = {}) const
    {
        return "http://" + user + (user.empty() ? "" : "@") + "127.0.0.1:" + std::to_string(port_);
    }
    sdk::Result<blobs::HttpAnswer> get(const std::string& url, bool direct = false, const std::string& authority = {})
    {
        return blobs::http_get(
            {.url = url, .accept = "*/*", .authority = authority, .plain = true, .direct = direct, .most = 1000}, call);
    }
    /// Whether a proxy stood between us and the last request that the server got.
    static bool came_through(const LoopbackServer& server) { return server.requests().back().headers.contains("via"); }

    sdk::testing::TemporaryDirectory directory;
    sdk::testing::FakeCall call;

private:
    int port_ = 0;
    std::optional<ChildServer> proxy_;
};

TEST_F(ProxyTest, IsTheOneThatTheVariablesNameAsCurlReadsThem)
{
    start();
    const LoopbackServer server([](const Request&, Reply& reply) { reply.send(200, "here"); });
    const std::string url = "http://" + server.address() + "/x";
    const auto goes_through = [&](const std::map<const char*, std::string>& variables, bool direct = false) {
        for (const auto& [name, value] : variables)
            environment(name, value);
        const auto answer = get(url, direct);
        EXPECT_TRUE(answer && answer->body == "here") << (answer ? answer->body : answer.error().message);
        for (const auto& [name, value] : variables)
            ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
        return came_through(server);
    };
    EXPECT_FALSE(goes_through({}));
    EXPECT_TRUE(goes_through({{"http_proxy", proxy()}}));
    EXPECT_TRUE(goes_through({{"all_proxy", proxy()}}));
    EXPECT_TRUE(goes_through({{"ALL_PROXY", proxy()}}));
    EXPECT_FALSE(goes_through({{"HTTP_PROXY", proxy()}})) << "whoever runs a program for a web request sets that";
    EXPECT_FALSE(goes_through({{"https_proxy", proxy()}, {"HTTPS_PROXY", proxy()}})) << "another kind of address";
    EXPECT_FALSE(goes_through({{"http_proxy", proxy()}, {"no_proxy", "example.org,127.0.0.1"}}));
    EXPECT_FALSE(goes_through({{"http_proxy", proxy()}, {"NO_PROXY", "*"}}));
    EXPECT_TRUE(goes_through({{"http_proxy", proxy()}, {"no_proxy", "example.org"}}));
    EXPECT_FALSE(goes_through({{"http_proxy", proxy()}}, true)) << "what is on this machine is asked directly";
}

TEST_F(ProxyTest, PassesTlsThroughWithoutSeeingIt)
{
    start();
    const TlsServer server(directory.path());
    server.answer("x", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nhere");
    for (const char* name : {"https_proxy", "HTTPS_PROXY", "ALL_PROXY"}) {
        environment(name, proxy());
        const auto answer = get("https://" + server.address() + "/x", false, server.authority());
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->body, "here") << answer->broken;
        environment(name, "http://127.0.0.1:9");
        const auto nobody = get("https://" + server.address() + "/x", false, server.authority());
        ASSERT_FALSE(nobody) << "it is asked for this address";
        EXPECT_EQ(nobody.error().code, Code::unavailable);
        EXPECT_THAT(nobody.error().hint, HasSubstr(name));
        ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
    }
}

TEST_F(ProxyTest, GetsItsPasswordAndNobodyElseIsToldIt)
{
    start("BasicAuth tester geheim\n");
    const LoopbackServer server([](const Request&, Reply& reply) { reply.send(200, "here"); });
    const TlsServer tls(directory.path());
    tls.answer("x", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nhere");
    const auto url = "http://" + server.address() + "/x";
    const auto secure_url = "https://" + tls.address() + "/x";
    environment("all_proxy", proxy("tester:geheim"));
    for (const auto& one : {url, secure_url}) {
        const auto answer = get(one, false, tls.authority());
        ASSERT_TRUE(answer) << answer.error().message;
        EXPECT_EQ(answer->body, "here");
    }
    EXPECT_FALSE(server.requests().back().headers.contains("proxy-authorization"));
    environment("all_proxy", proxy());
    for (const auto& one : {url, secure_url}) {
        const auto refused = get(one, false, tls.authority());
        ASSERT_FALSE(refused) << one;
        EXPECT_EQ(refused.error().code, Code::permission) << refused.error().message;
        EXPECT_THAT(refused.error().message, HasSubstr("the proxy wants a name and a password (407)"));
    }
    environment("all_proxy", proxy("tester:wrongword"));
    for (const auto& one : {url, secure_url}) {  // which tinyproxy answers with 401, as if it were the server
        const auto refused = get(one, false, tls.authority());
        const auto told = refused ? std::to_string(refused->status) + refused->broken + refused->body
                                  : refused.error().message + refused.error().hint;
        EXPECT_THAT(told, HasSubstr("401"));
        EXPECT_THAT(told, Not(HasSubstr("wrongword")));
    }
    environment("all_proxy", "http://tester:geheim@127.0.0.1:9");
    for (const auto& one : {url, secure_url}) {
        const auto nobody = get(one);
        ASSERT_FALSE(nobody);
        EXPECT_EQ(nobody.error().code, Code::unavailable);
        EXPECT_THAT(nobody.error().message + nobody.error().hint, Not(HasSubstr("geheim")));
    }
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(ProxyTest, SaysWhatItDoesNotLetThrough)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(directory.path() + "/allowed", "^nowhere$\n"));
    start("Filter \"" + directory.path() + "/allowed\"\nFilterDefaultDeny Yes\n");
    environment("https_proxy", proxy());
    const auto refused = get("https://registry.test/x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("does not let us through to registry.test (403)"));
}

TEST_F(ProxyTest, KnowsTheWayToARegistryThatWeDoNot)
{
    const FakeRegistry server({"layer"});
    start("Upstream http " + server.server.address() + " \"registry.test\"\n");
    environment("http_proxy", proxy());
    blobs::Patience patience;
    patience.first_wait = std::chrono::milliseconds(1);
    Registry registry(*parse_reference("registry.test:5000/made/here:1"), {directory.path(), true, patience});
    const auto image = registry.fetch("linux/amd64", call);
    ASSERT_TRUE(image) << image.error().message;
    const auto path = registry.blob(image->manifest.layers.front(), call);
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(sdk::os::read_file(*path).value_or(""), "layer");
    ::unsetenv("http_proxy");  // NOLINT(concurrency-mt-unsafe)
    EXPECT_FALSE(registry.fetch("linux/amd64", call)) << "nobody here knows that name";
}

}  // namespace
}  // namespace banger::oci
