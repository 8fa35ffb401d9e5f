// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "containment.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/source_world.hpp"
#include "debian_image.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;

class ContainmentTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        sdk::testing::FakeCall probing;
        if (auto possible = check_containment(probing); !possible)
            GTEST_SKIP() << possible.error().message;
        contained.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"SCRATCH", scratch()}};
        contained.directory = host.directory();
        contained.scratch = scratch();
        ASSERT_TRUE(os::make_directories(scratch()));
        ASSERT_TRUE(os::write_file_atomic(output_path(), ""));
        output = std::move(*os::open_file(output_path(), O_WRONLY | O_APPEND));
        contained.output = output.get();
    }

    [[nodiscard]] std::string scratch() const { return host.directory() + "/scratch"; }
    [[nodiscard]] std::string output_path() const { return host.directory() + "/output"; }
    [[nodiscard]] std::string printed() const { return *os::read_file(output_path()); }
    sdk::Result<int> shell(const std::string& script)
    {
        contained.argv = {"sh", "-c", script};
        return run_contained(contained, call, [this](std::string_view line) {
            lines.emplace_back(line);
            if (on_line)
                on_line();
        });
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    os::UniqueFd output;
    Contained contained;
    std::vector<std::string> lines;
    std::function<void()> on_line;
};

TEST_F(ContainmentTest, RunsAsRootInItsOwnNamespacesAndHandsItsStatusOn)
{
    const auto status = shell("id -u; env | grep -c FOREIGN; echo one >&2; echo two >&2; exit 7");
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(*status, 7);
    EXPECT_EQ(printed(), "0\n0\n");
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
}

TEST_F(ContainmentTest, EmptiesTheScratchOnDiskAlsoOfOtherUsersFiles)
{
    const auto status = shell("mkdir -m 700 $SCRATCH/a && touch $SCRATCH/a/b && chown -R 42:42 $SCRATCH/a");
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(*status, 0);
    EXPECT_TRUE(os::list_directory(scratch())->empty());
}

TEST_F(ContainmentTest, MemoryAsScratchIsSeenByNobodyElse)
{
    contained.scratch_memory = "1m";
    const auto status = shell("stat -f -c %T $SCRATCH; touch $SCRATCH/x; echo ready >&2");
    ASSERT_TRUE(status) << status.error().message;
    EXPECT_EQ(*status, 0);
    EXPECT_EQ(printed(), "tmpfs\n");
    sdk::testing::expect_nothing_left(host.directory());
}

TEST_F(ContainmentTest, NothingOutlivesIt)
{
    // A session of its own, and the standard error closed: only the namespace still holds it.
    const auto status = shell("setsid sleep 600 >/dev/null 2>&1 & exit 0");
    ASSERT_TRUE(status) << status.error().message;
    sdk::testing::expect_nothing_left(scratch());
}

TEST_F(ContainmentTest, CancellingEndsEverythingAndEmptiesTheScratch)
{
    on_line = [this] { call.cancel(); };
    const auto status = shell("trap '' TERM INT HUP; touch $SCRATCH/x; setsid sleep 600 & echo started >&2; sleep 600");
    ASSERT_FALSE(status);
    EXPECT_EQ(sdk::to_string(status.error().code), "cancelled");
    EXPECT_TRUE(os::list_directory(scratch())->empty());
    sdk::testing::expect_nothing_left(scratch());
}

TEST_F(ContainmentTest, NothingOutlivesACallerThatIsKilled)
{
    const pid_t caller = ::fork();
    ASSERT_GE(caller, 0);
    if (caller == 0) {
        (void)shell("touch $SCRATCH/x; echo $SCRATCH; exec sleep 600");
        ::_exit(0);
    }
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const auto eventually = [&](const std::function<bool()>& holds) {
        while (!holds() && std::chrono::steady_clock::now() < patience)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));  // other processes give no event to wait for
        return holds();
    };
    EXPECT_TRUE(eventually([this] { return !printed().empty(); }));
    ASSERT_EQ(::kill(caller, SIGKILL), 0);
    ASSERT_EQ(::waitpid(caller, nullptr, 0), caller);
    EXPECT_TRUE(eventually([this] { return sdk::testing::processes_about(scratch()).empty(); }));
    EXPECT_TRUE(os::list_directory(scratch())->empty());
}

TEST(ScratchMemory, GoesByWhatIsFreeUnlessToldOtherwise)
{
    const std::string meminfo = "MemTotal:       8000000 kB\nMemAvailable:    4096000 kB\n";
    EXPECT_EQ(scratch_memory(Scratch::automatic, 1000, meminfo), "2000m");
    EXPECT_EQ(scratch_memory(Scratch::automatic, 1500, meminfo), "");
    EXPECT_EQ(scratch_memory(Scratch::memory, 3000, meminfo), "3000m");
    EXPECT_EQ(scratch_memory(Scratch::disk, 1, meminfo), "");
    EXPECT_EQ(scratch_memory(Scratch::automatic, 1, ""), "");
}

}  // namespace
}  // namespace banger::debian
