// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What storage asks of the kernel: who writes a file.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::file {
namespace {

namespace os = sdk::os;

class WritersTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(os::write_file_atomic(path, "content")); }
    [[nodiscard]] bool is_written() const
    {
        const auto written = os::is_written(path);
        EXPECT_TRUE(written) << written.error().message;
        return written && *written;
    }

    sdk::testing::TemporaryDirectory directory;
    std::string path = directory.path() + "/file";
};

TEST_F(WritersTest, OnlyThoseWhoHaveItOpenForWritingCount)
{
    ASSERT_TRUE(os::tells_writers(directory.path()));
    EXPECT_FALSE(is_written());
    const os::UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(is_written());
    os::UniqueFd writer(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    EXPECT_TRUE(is_written());
    writer.reset();
    EXPECT_FALSE(is_written());
}

TEST_F(WritersTest, ItIsTheFileThatCountsAndNotItsName)
{
    const std::string other = directory.path() + "/other";
    ASSERT_EQ(::link(path.c_str(), other.c_str()), 0);
    const os::UniqueFd writer(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_TRUE(*os::is_written(other));
}

TEST_F(WritersTest, NobodyWritesAFileThatIsNotThereAndWhatCannotBeToldIsAnError)
{
    ASSERT_TRUE(os::remove_file(path));
    EXPECT_FALSE(is_written());
    ASSERT_EQ(::symlink("nowhere", path.c_str()), 0);
    EXPECT_FALSE(os::is_written(path)) << "a link is not followed";
    EXPECT_FALSE(os::tells_writers(directory.path() + "/none"));
}

// Whoever opens it while it is asked waits a moment, and nobody is ended by the signal that tells of him.
TEST_F(WritersTest, AskingAndWritingDoNotHurtEachOther)
{
    std::jthread writer([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const os::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
            EXPECT_TRUE(fd);
        }
    });
    bool both[2] = {};
    for (int i = 0; i < 100'000 && !(both[0] && both[1]); ++i)
        both[is_written() ? 1 : 0] = true;
    EXPECT_TRUE(both[0]);
    EXPECT_TRUE(both[1]);
}

}  // namespace
}  // namespace banger::file
