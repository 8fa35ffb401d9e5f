// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/plain_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::sdk::os {
namespace {

constexpr std::size_t most = 100;

class PlainFileTest : public ::testing::Test {
protected:
    void expect_refused() const
    {
        const auto read = read_plain_file(path_, most);
        ASSERT_FALSE(read);
        EXPECT_EQ(read.error().code, Code::invalid) << read.error().message;
    }

    testing::TemporaryDirectory directory_;
    std::string path_ = directory_.path() + "/note";
};

TEST_F(PlainFileTest, IsReadWholeUpToItsBound)
{
    EXPECT_EQ(read_plain_file(path_, most).error().code, Code::not_found);
    ASSERT_TRUE(write_file_atomic(path_, std::string(most, 'n')));
    EXPECT_EQ(*read_plain_file(path_, most), std::string(most, 'n'));
    ASSERT_TRUE(write_file_atomic(path_, std::string(most + 1, 'n')));
    expect_refused();
}

TEST_F(PlainFileTest, AnythingElseIsRefusedAndNotWaitedFor)
{
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    expect_refused();
    ASSERT_TRUE(remove_file(path_));
    ASSERT_EQ(::symlink("/etc/passwd", path_.c_str()), 0);
    expect_refused();
    ASSERT_TRUE(remove_file(path_));
    ASSERT_TRUE(make_directories(path_));
    expect_refused();
}

// A leader of a session without a terminal, as a service is, gets the first one that it opens.
TEST(OpenFileTest, NoTerminalBecomesOurs)
{
    const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master);
    ASSERT_EQ(::grantpt(master.get()), 0);
    ASSERT_EQ(::unlockpt(master.get()), 0);
    const std::string terminal = ::ptsname(master.get());
    const pid_t child = ::fork();
    if (child == 0) {
        ::setsid();
        const auto opened = open_file(terminal, O_RDWR | O_NONBLOCK);
        ::_exit(!opened ? 2 : ::open("/dev/tty", O_RDWR) >= 0 ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace banger::sdk::os
