// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// With a terminal: what a person sees, types and resizes reaches the guest.
#include <gtest/gtest.h>
#include <termios.h>

#include <csignal>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/screen.hpp"

namespace banger::e2e {
namespace {

TEST(Terminal, ResizeAndCtrlCReachTheGuest)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    Screen screen(host, {"vm", "exec", "a", "--", "bash", "-c",
                         "stty size; trap 'stty size; echo resized' WINCH; trap 'echo caught; exit 7' INT; "
                         "echo ready; while :; do read -t 1 x; done"},
                  91);
    ASSERT_TRUE(screen.shows("24 91")) << screen.seen();
    ASSERT_TRUE(screen.shows("ready")) << screen.seen();
    screen.resize(47, 33);
    ASSERT_TRUE(screen.shows("33 47")) << screen.seen();
    ASSERT_TRUE(screen.shows("resized")) << screen.seen();
    screen.type("\x03");
    ASSERT_TRUE(screen.shows("caught")) << screen.seen();
    EXPECT_EQ(screen.wait(), 7);

    Screen asked(host, {"vm", "exec", "-it", "a", "--", "sh", "-c", "tty; read line; echo got $line"});
    ASSERT_TRUE(asked.shows("/dev/pts/")) << asked.seen();
    asked.type("words\n");
    ASSERT_TRUE(asked.shows("got words")) << asked.seen();
    EXPECT_EQ(asked.wait(), 0);

    const std::string large = host.home() + "/large";
    ASSERT_TRUE(sdk::os::write_file_atomic(large, std::string(200U << 20U, 'x'), 0600));
    Screen copy(host, {"vm", "cp", large, "a:"});
    EXPECT_TRUE(copy.shows("copying ")) << copy.seen();
    EXPECT_TRUE(copy.shows("%")) << copy.seen();
    EXPECT_EQ(copy.wait(), 0);
}

TEST(Terminal, ABareRunIsAShellAndLeavingItKeepsTheMachineAndSaysHowToDeleteIt)
{
    const Installation host;
    Screen screen(host, {"vm", "run", "--name", "a"});
    ASSERT_TRUE(screen.shows("a:~#")) << screen.seen();
    screen.type("echo $((6*7))-$(hostname)\n");
    ASSERT_TRUE(screen.shows("42-a")) << screen.seen();
    screen.type("exit\n");
    ASSERT_TRUE(screen.shows("banger vm delete a")) << screen.seen();
    screen.wait();
    EXPECT_EQ(shown(host, "a", "state"), "running");
    expect_clean(host);
}

TEST(Terminal, AMachineThatPowersItselfOffIsNotSaidToRun)
{
    const Installation host;
    Screen screen(host, {"vm", "run", "--name", "a"});
    ASSERT_TRUE(screen.shows("a:~#")) << screen.seen();
    screen.type("systemctl poweroff\n");
    ASSERT_TRUE(screen.shows("vm 'a' is stopped: `banger vm start a`")) << screen.seen();
    EXPECT_EQ(screen.wait(), 125);
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);

    auto cut = host.banger({"vm", "run", "--name", "b", "--", "reboot", "-f"});
    EXPECT_EQ(cut.status, 125) << cut.err;
    EXPECT_NE(cut.err.find("vm 'b' is stopped"), std::string::npos) << cut.err;
    EXPECT_EQ(cut.err.find("still running"), std::string::npos) << cut.err;

    for (const auto& [answer, left] : {std::pair<std::string, std::string>{"n\n", "stopped"}, {"y\n", ""}}) {
        Screen prune(host, {"vm", "prune"});
        ASSERT_TRUE(prune.shows("?")) << prune.seen();
        prune.type(answer);
        prune.wait();
        EXPECT_EQ(shown(host, "a", "state"), left);
        EXPECT_EQ(shown(host, "b", "state"), left);
    }
    expect_clean(host);
}

TEST(Terminal, ABareRunWithRmDeletesWhateverTheStatus)
{
    const Installation host;
    Screen screen(host, {"vm", "run", "--rm", "--name", "a"});
    ASSERT_TRUE(screen.shows("a:~#")) << screen.seen();
    screen.type("exit 3\n");
    screen.wait();
    EXPECT_EQ(shown(host, "a", "state"), "");
    expect_clean(host);
}

TEST(Terminal, DeletingARunningMachineAsks)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    {
        Screen screen(host, {"vm", "delete", "a"});
        ASSERT_TRUE(screen.shows("?")) << screen.seen();
        screen.type("n\n");
        screen.wait();
        EXPECT_EQ(shown(host, "a", "state"), "running");
    }
    Screen screen(host, {"vm", "delete", "a"});
    ASSERT_TRUE(screen.shows("?")) << screen.seen();
    screen.type("y\n");
    EXPECT_EQ(screen.wait(), 0);
    EXPECT_EQ(shown(host, "a", "state"), "");
}

TEST(Terminal, SignalsReachACommandWithoutATerminal)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const sdk::os::UniqueFd reader(ends[0]);
    sdk::os::UniqueFd writer(ends[1]);
    auto command = host.command({"vm", "exec", "a", "--", "bash", "-c",
                                 "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done"});
    command.out = writer.get();
    auto child = sdk::os::spawn(command);
    ASSERT_TRUE(child);
    writer.reset();
    std::array<char, 64> text{};
    ASSERT_GT(::read(reader.get(), text.data(), text.size()), 0);
    child->kill_group(SIGTERM);
    auto status = child->wait();
    ASSERT_TRUE(status);
    EXPECT_EQ(*status, 9);
}

}  // namespace
}  // namespace banger::e2e
