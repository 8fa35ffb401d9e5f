// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Saved memory that another save begins with, on a disk that cannot share blocks and is nearly full.
#include "save_files.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::firecracker {
namespace {

using ::testing::HasSubstr;

class SaveFilesTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string at(const std::string& name) const { return host.directory() + "/" + name; }
    void write(const std::string& name, std::size_t bytes, off_t length) const
    {
        ASSERT_TRUE(sdk::os::write_file_atomic(at(name), std::string(bytes, 'x')));
        ASSERT_EQ(::truncate(at(name).c_str(), length), 0);
    }
    void copy_on_small_disk() const
    {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);  // for this thread alone
        ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        ASSERT_EQ(::mount("none", host.directory().c_str(), "tmpfs", 0, "size=6m"), 0);
        write("large", 4U << 20U, 4 << 20);
        const auto refused = copy_memory(at("large"), at("copy"), call);
        ASSERT_FALSE(refused);
        EXPECT_EQ(to_string(refused.error().code), to_string(sdk::Code::no_space));
        EXPECT_THAT(refused.error().message, HasSubstr("a save takes 4 MiB, and there is room for "));
        struct stat status {};
        ASSERT_EQ(::stat(at("copy").c_str(), &status), 0);
        EXPECT_EQ(status.st_blocks, 0) << "nobody began to copy";

        write("holes", 1U << 20U, 1 << 30);
        const auto copied = copy_memory(at("holes"), at("other"), call);
        ASSERT_TRUE(copied) << copied.error().message;
        ASSERT_EQ(::stat(at("other").c_str(), &status), 0);
        EXPECT_EQ(status.st_size, 1 << 30);
        EXPECT_EQ(status.st_blocks, (1 << 20) / 512);
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
};

TEST_F(SaveFilesTest, ACopyThatHasNoRoomIsNotBegun)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can mount a small disk";
    std::thread([this] { copy_on_small_disk(); }).join();
}

}  // namespace
}  // namespace banger::firecracker
