// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What somebody else has in the kernel, and layers that somebody else wrote to, as a user meets it: one sentence with a hint,
// and nothing left. All that the providers refuse is in tests/integration; the lab runs these (tests/lab/sets/dm-e2e).
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

using ::testing::HasSubstr;

std::string said(const std::vector<std::string>& argv)
{
    sdk::os::Command command;
    command.argv = argv;
    const auto output = sdk::os::run_checked(command);
    EXPECT_TRUE(output) << output.error().message;
    return output ? output->out : std::string();
}

class Taken : public ::testing::Test {
protected:
    void SetUp() override
    {
        for (const char* variable : {"BANGER_TEST_STORAGE", "BANGER_TEST_NETWORK"})
            if (std::getenv(variable) == nullptr)
                GTEST_SKIP() << "nothing is made in this machine's own kernel and network: the lab runs it";
    }
    static void expect_refused(const Installation& host, const std::vector<std::string>& verb, const std::string& words)
    {
        const auto called = host.banger(verb);
        EXPECT_EQ(called.status, 1) << called.out;
        EXPECT_THAT(called.err, HasSubstr(words));
        EXPECT_THAT(called.err, HasSubstr("hint:"));
        expect_clean(host);
    }
};

constexpr const char* with_null = "\n[backends]\nvmm = \"null\"\n";

TEST_F(Taken, ABridgeOrASubnetOfSomebodyElsesIsSaidAndLeftAlone)
{
    said({"ip", "link", "add", "br-theirs", "type", "bridge"});
    said({"ip", "address", "add", "172.20.1.1/16", "dev", "br-theirs"});
    for (const auto& [setting, words] : {std::pair{"bridge = \"br-theirs\"", "an interface br-theirs that is not this banger's"},
                                         {"subnet = \"172.20.5.0/24\"", "this host has 172.20.0.0/16 already"}}) {
        const Installation host(std::string(with_null) + "\n[plugin.net-tap]\n" + setting + "\n");
        expect_refused(host, {"vm", "create", "--name", "a", "--ready", "agent"}, words);
        EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    }
    EXPECT_THAT(said({"ip", "-br", "address", "show", "br-theirs"}), HasSubstr("172.20.1.1/16"));
    said({"ip", "link", "delete", "br-theirs"});
}

TEST_F(Taken, ADisksNameOfSomebodyElsesIsSaidAndTheMachineStartsOnceItIsFree)
{
    const Installation host(with_null);
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--no-start"}).status, 0);
    const std::string name = "banger-" + host.instance() + "-" + shown(host, "a", "id") + "-root";
    said({"dmsetup", "create", name, "--uuid", "SOMEBODY-else", "--table", "0 8 zero"});
    expect_refused(host, {"vm", "start", "a"}, "a device " + name + " that is not banger's");
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    EXPECT_THAT(said({"dmsetup", "table", name}), HasSubstr("zero"));
    said({"dmsetup", "remove", name});
    const auto started = host.banger({"vm", "start", "a"});
    EXPECT_EQ(started.status, 0) << started.err;
}

TEST_F(Taken, ALayerThatWasCutUnderARunningMachineIsNamedWhenTheNextIsToStandOnIt)
{
    const Installation host(with_null);
    // One of its own: all tests' homes are linked to the same.
    std::string layer;
    for (const auto& file : std::filesystem::recursive_directory_iterator(host.home() + "/state/images"))
        if (file.path().filename() == "root.ext4")
            layer = file.path();
    ASSERT_FALSE(layer.empty());
    said({"cp", "-a", "--sparse=always", layer, layer + ".own"});
    std::filesystem::rename(layer + ".own", layer);
    ASSERT_EQ(host.banger({"vm", "create", "--name", "running", "--ready", "agent"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "create", "--name", "next", "--no-start"}).status, 0);
    const auto pid = pid_of(host, "running");
    ASSERT_EQ(::truncate(layer.c_str(), 4096), 0);
    expect_refused(host, {"vm", "start", "next"}, layer);
    EXPECT_EQ(shown(host, "next", "state"), "stopped");
    EXPECT_EQ(pid_of(host, "running"), pid);
}

}  // namespace
}  // namespace banger::e2e
