// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/socket.hpp"
#include "cli/forward_spec.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::HasSubstr;

struct Written {
    const char* text;
    const char* listen;
    const char* target;
};

class ForwardSpecs : public ::testing::TestWithParam<Written> {};

TEST_P(ForwardSpecs, AreReadAsSshReadsThem)
{
    const auto spec = parse_forward(ForwardSpec::To::host, GetParam().text);
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_EQ(spec->listen.text(), GetParam().listen);
    EXPECT_EQ(spec->target.text(), GetParam().target);
}

INSTANTIATE_TEST_SUITE_P(
    All, ForwardSpecs,
    ::testing::Values(Written{"8080:80", "8080", "80"}, Written{"8080:localhost:80", "8080", "localhost:80"},
                      Written{"127.0.0.2:8080:10.0.0.7:80", "127.0.0.2:8080", "10.0.0.7:80"},
                      Written{"127.0.0.2:8080:80", "127.0.0.2:8080", "80"}, Written{":8080:80", "*:8080", "80"},
                      Written{"*:8080:db.example:80", "*:8080", "db.example:80"},
                      Written{"[::1]:8080:[fd00::1]:80", "[::1]:8080", "[fd00::1]:80"},
                      Written{"8080:/run/app.sock", "8080", "/run/app.sock"},
                      Written{"127.0.0.2:8080:/run/app.sock", "127.0.0.2:8080", "/run/app.sock"},
                      Written{"/tmp/db.sock:5432", "/tmp/db.sock", "5432"},
                      Written{"/tmp/db.sock:localhost:5432", "/tmp/db.sock", "localhost:5432"},
                      Written{"/tmp/here.sock:./there.sock", "/tmp/here.sock", "./there.sock"},
                      Written{"0:80", "0", "80"}));

TEST(ForwardSpec, WhatCannotBeRightIsRefused)
{
    for (const char* text : {"", "80", "a:b", "8080:", ":", "::", "8080:99999", "-1:80", "8080:0", "1:2:3:4:5", "x:1:2:3",
                             "8080:80:90", "8080:db.example:80", "8080:*:80", "8080:run/app.sock", "name:8080:80"}) {
        const auto spec = parse_forward(ForwardSpec::To::guest, text);
        ASSERT_FALSE(spec) << text;
        EXPECT_EQ(spec.error().code, sdk::Code::invalid);
        EXPECT_FALSE(spec.error().hint.empty());
    }
    EXPECT_FALSE(parse_forward(ForwardSpec::To::host, "run/app.sock:80")) << "a path in the guest that is not absolute";
}

class ForwardVerb : public CliTest {
protected:
    /// The port that the program says it listens on.
    static std::uint16_t port_in(const std::string& out)
    {
        const std::string before = "127.0.0.1:";
        return static_cast<std::uint16_t>(std::stoi(out.substr(out.find(before) + before.size())));
    }
    static std::string hear(const sdk::Result<sdk::os::SocketAddress>& place)
    {
        const sdk::os::UniqueFd socket(::socket(place->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(socket.get(), place->get(), place->size) != 0)
            return "nobody listens";
        std::string bytes(5, '\0');
        bytes.resize(static_cast<std::size_t>(::recv(socket.get(), bytes.data(), bytes.size(), MSG_WAITALL)));
        return bytes;
    }
    /// As SIGKILL ends it.
    void kill_daemon() const
    {
        const auto pid = sdk::os::read_file(home_ + "/state/bangerd.lock", 64);
        ASSERT_TRUE(pid) << pid.error().message;
        ASSERT_EQ(::kill(std::stoi(*pid), SIGKILL), 0);
    }
};

TEST_F(ForwardVerb, GoesOnUntilItIsStoppedAndTakesItsSocketAway)
{
    const std::string path = home_ + "/here.sock";
    CliProcess forward({"vm", "forward", "web", "0:80", path + ":/run/there.sock"}, environment_);
    forward.expect(path + " -> web:/run/there.sock\n");
    EXPECT_EQ(hear(sdk::os::tcp_address("127.0.0.1", port_in(forward.out()))), "hello");
    EXPECT_EQ(hear(sdk::os::unix_address(path)), "hello");
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    forward.kill(SIGINT);
    EXPECT_EQ(forward.wait().signal, SIGINT);
    EXPECT_FALSE(sdk::os::exists(path));
}

TEST_F(ForwardVerb, SaysWhatFailedOnceAndGoesOn)
{
    CliProcess forward({"vm", "forward", "broken", "0:80"}, environment_);
    forward.expect(" -> broken:localhost:80\n");
    const auto place = sdk::os::tcp_address("127.0.0.1", port_in(forward.out()));
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(hear(place), "hello");
    forward.expect_error("cannot connect to port 80 in the guest?[2J?A\n");
    forward.kill(SIGTERM);
    const auto ended = forward.wait();
    EXPECT_EQ(ended.signal, SIGTERM);
    EXPECT_EQ(ended.err.find("cannot connect"), ended.err.rfind("cannot connect")) << ended.err;
}

TEST_F(ForwardVerb, IsSetUpAgainAfterTheDaemonWasKilled)
{
    CliProcess forward({"vm", "forward", "web", "0:80", "-R", "3000:3000"}, environment_);
    forward.expect("web:127.0.0.1:3000 -> localhost:3000\n");
    const auto place = sdk::os::tcp_address("127.0.0.1", port_in(forward.out()));
    EXPECT_EQ(hear(place), "hello");
    kill_daemon();
    forward.expect_error("connected again");
    EXPECT_EQ(hear(place), "hello");
    forward.kill(SIGINT);
    EXPECT_EQ(forward.wait().signal, SIGINT);
    EXPECT_EQ(calls().size(), 4U) << "each forward, each time";
}

TEST_F(ForwardVerb, AnAgentThatHasNoTimeIsAskedAgain)
{
    CliProcess forward({"vm", "forward", "busy", "0:80"}, environment_);
    forward.expect(" -> busy:localhost:80\n");
    const auto place = sdk::os::tcp_address("127.0.0.1", port_in(forward.out()));
    EXPECT_EQ(hear(place), "hello");
    forward.expect_error("forward: the guest's agent did not answer in time; it is tried again");
    forward.expect_error("forward: the guest's agent is not there; it is tried again");
    forward.expect_error("connected again");
    EXPECT_EQ(hear(place), "hello");
    forward.kill(SIGINT);
    EXPECT_EQ(forward.wait().signal, SIGINT);
    EXPECT_EQ(calls().size(), 4U);
}

TEST_F(ForwardVerb, WhatIsTakenIsSaidBeforeTheDaemonIsAsked)
{
    const auto taken = sdk::os::listen_tcp("127.0.0.1", 0);
    const std::string port = std::to_string(sdk::os::port_of(taken->get()));
    const auto by_port = banger({"vm", "forward", "web", home_ + "/made.sock:80", port + ":80"});
    EXPECT_EQ(by_port.status, 1);
    EXPECT_THAT(by_port.err, HasSubstr("127.0.0.1:" + port));
    EXPECT_THAT(by_port.err, HasSubstr("hint:  choose another port"));
    EXPECT_FALSE(sdk::os::exists(home_ + "/made.sock"));

    ASSERT_TRUE(sdk::os::write_file_atomic(home_ + "/there", "mine"));
    const auto by_path = banger({"vm", "forward", "web", home_ + "/there:80"});
    EXPECT_EQ(by_path.status, 1);
    EXPECT_THAT(by_path.err, HasSubstr("/there"));
    EXPECT_THAT(by_path.err, HasSubstr("hint:  remove it"));
    EXPECT_EQ(*sdk::os::read_file(home_ + "/there"), "mine");
    EXPECT_TRUE(calls().empty());
}

TEST_F(ForwardVerb, AMachineThatStopsIsTheEnd)
{
    const auto ended = banger({"vm", "forward", "db", home_ + "/here.sock:80"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("error: vm 'db' is not running"));
    EXPECT_FALSE(sdk::os::exists(home_ + "/here.sock"));
}

TEST_F(ForwardVerb, ForPrograms)
{
    CliProcess forward({"-o", "json", "vm", "forward", "web", "-R", "9000:./host.sock"}, environment_);
    forward.expect("\"target\": \"./host.sock\"");
    forward.expect("}\n");
    forward.kill(SIGINT);
    EXPECT_EQ(forward.wait().signal, SIGINT);
    ASSERT_EQ(calls().size(), 1U);
    EXPECT_THAT(calls().front(), HasSubstr(R"("to":"host","listen":{"tcp":9000,"address":""},"target":{"unix":"/)"));
}

}  // namespace
}  // namespace banger::cli::testing
