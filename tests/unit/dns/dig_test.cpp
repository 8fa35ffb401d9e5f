// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A server, asked with dig (bind9-dnsutils): what a program of somebody else's makes of its answers.
#include <gmock/gmock.h>

#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "dns_names.hpp"

namespace banger::dns {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DigTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        auto made = make_names(host, {"127.0.0.1", 42400, "vm"});
        ASSERT_TRUE(made) << made.error().message;
        names = std::move(*made);
        const auto probe = names->probe(call);
        ASSERT_TRUE(probe);
        port = probe->facts.at("port");
        ASSERT_TRUE(names->publish({"web.vm", {"127.86.0.1", "fd00::1"}}));
    }

    [[nodiscard]] std::string dig(std::vector<std::string> words) const
    {
        sdk::os::Command command;
        command.argv = {"dig", "@127.0.0.1", "-p", port, "+tries=1", "+time=5"};
        command.argv.insert(command.argv.end(), words.begin(), words.end());
        const auto output = sdk::os::run_checked(command);
        EXPECT_TRUE(output) << output.error().message;
        return output ? output->out : std::string();
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Dns> names;
    std::string port;
};

TEST_F(DigTest, AddressesAndNames)
{
    EXPECT_EQ(dig({"+short", "web.vm"}), "127.86.0.1\n");
    EXPECT_EQ(dig({"+short", "web.vm", "AAAA"}), "fd00::1\n");
    EXPECT_EQ(dig({"+short", "deep.api.web.vm"}), "127.86.0.1\n");
    EXPECT_EQ(dig({"+short", "+tcp", "web.vm"}), "127.86.0.1\n");
    EXPECT_EQ(dig({"+short", "-x", "127.86.0.1"}), "web.vm.\n");
    EXPECT_EQ(dig({"+short", "-x", "fd00::1"}), "web.vm.\n");
    EXPECT_EQ(dig({"+short", "vm", "NS"}), "vm.\n");
    EXPECT_THAT(dig({"+short", "vm", "SOA"}), HasSubstr("vm. nobody.invalid. "));
}

TEST_F(DigTest, StatusAndFlags)
{
    const auto found = dig({"web.vm"});
    EXPECT_THAT(found, HasSubstr("status: NOERROR"));
    EXPECT_THAT(found, HasSubstr("flags: qr aa rd;"));
    EXPECT_THAT(found, HasSubstr("EDNS: version: 0, flags:; udp: 1232"));
    EXPECT_THAT(found, HasSubstr("web.vm.\t\t\t0\tIN\tA\t127.86.0.1"));
    const auto missing = dig({"no.vm"});
    EXPECT_THAT(missing, HasSubstr("status: NXDOMAIN"));
    EXPECT_THAT(missing, HasSubstr("IN\tSOA\tvm. nobody.invalid."));
    const auto no_data = dig({"web.vm", "MX"});
    EXPECT_THAT(no_data, HasSubstr("status: NOERROR"));
    EXPECT_THAT(no_data, HasSubstr("ANSWER: 0, AUTHORITY: 1"));
    EXPECT_THAT(dig({"example.com"}), HasSubstr("status: REFUSED"));
    EXPECT_THAT(dig({"+noednsneg", "+edns=1", "web.vm"}), HasSubstr("status: BADVERS"));
    EXPECT_THAT(dig({"+opcode=NOTIFY", "web.vm"}), HasSubstr("status: NOTIMP"));
    EXPECT_THAT(dig({"+noedns", "web.vm"}), Not(HasSubstr("OPT PSEUDOSECTION")));
    EXPECT_THAT(dig({"+dnssec", "web.vm"}), HasSubstr("flags: do;"));
}

TEST_F(DigTest, NamesFollowWhatIsPublished)
{
    ASSERT_TRUE(names->publish({"web.vm", {"127.86.0.2"}}));
    EXPECT_EQ(dig({"+short", "web.vm"}), "127.86.0.2\n");
    ASSERT_TRUE(names->withdraw("web.vm"));
    EXPECT_THAT(dig({"web.vm"}), HasSubstr("status: NXDOMAIN"));
}

// dig is told to ask over TCP by an answer that is too long.
TEST_F(DigTest, LongAnswersComeOverTcp)
{
    std::vector<std::string> many;
    for (int i = 1; i <= 250; ++i)
        many.push_back("127.86.3." + std::to_string(i));
    ASSERT_TRUE(names->publish({"many.vm", many}));
    const auto answer = dig({"many.vm"});
    EXPECT_THAT(answer, HasSubstr("ANSWER: 250"));
    EXPECT_THAT(answer, HasSubstr("(TCP)"));
}

TEST_F(DigTest, ManyQuestionsOnOneConnection)
{
    std::vector<std::string> words{"+short", "+tcp", "+keepopen"};
    std::string expected;
    for (int i = 0; i < 20; ++i) {
        words.emplace_back(std::to_string(i) + ".web.vm");
        expected += "127.86.0.1\n";
    }
    EXPECT_EQ(dig(words), expected);
}

}  // namespace
}  // namespace banger::dns
