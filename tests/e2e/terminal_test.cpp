// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// With a terminal: what a person sees, types and resizes reaches the guest.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <csignal>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

/// A command on a pseudo-terminal, driven like a person would: type, and wait for what the screen shows.
class Screen {
public:
    Screen(const Installation& host, const std::vector<std::string>& arguments, unsigned short columns = 80)
    {
        master_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        EXPECT_EQ(::grantpt(master_.get()), 0);
        EXPECT_EQ(::unlockpt(master_.get()), 0);
        resize(columns, 24);
        std::array<char, 128> name{};
        EXPECT_EQ(::ptsname_r(master_.get(), name.data(), name.size()), 0);
        // setsid --ctty gives the command the terminal that is its standard input.
        auto command = host.command(arguments);
        command.argv.insert(command.argv.begin(), {"setsid", "--ctty", "--wait"});
        const sdk::os::UniqueFd slave(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
        command.in = command.out = command.err = slave.get();
        auto child = sdk::os::spawn(command);
        EXPECT_TRUE(child);
        if (child)
            child_.emplace(std::move(*child));
    }

    void resize(unsigned short columns, unsigned short rows) const
    {
        winsize size{};
        size.ws_col = columns;
        size.ws_row = rows;
        EXPECT_EQ(::ioctl(master_.get(), TIOCSWINSZ, &size), 0);
    }
    void type(const std::string& keys) const { EXPECT_EQ(::write(master_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size())); }

    /// Reads until `text` has been shown since the last call. False after a minute, or at the end.
    bool shows(const std::string& text)
    {
        for (;;) {
            if (const auto at = seen_.find(text); at != std::string::npos) {
                seen_.erase(0, at + text.size());
                return true;
            }
            if (!read_some())
                return false;
        }
    }
    int wait()
    {
        while (read_some()) {
        }
        auto status = child_->wait();
        return status ? *status : -1;
    }
    [[nodiscard]] const std::string& seen() const { return seen_; }

private:
    bool read_some()
    {
        pollfd ready{master_.get(), POLLIN, 0};
        if (::poll(&ready, 1, 120'000) <= 0)
            return false;
        std::array<char, 4096> bytes{};
        const ssize_t got = ::read(master_.get(), bytes.data(), bytes.size());
        if (got <= 0)
            return false;
        seen_.append(bytes.data(), static_cast<std::size_t>(got));
        return true;
    }

    sdk::os::UniqueFd master_;
    std::optional<sdk::os::Child> child_;
    std::string seen_;
};

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
