// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cow_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
namespace os = sdk::os;

class CowFile : public ::testing::Test {
protected:
    void patch(off_t offset, char byte) const
    {
        const os::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        ASSERT_EQ(::pwrite(fd.get(), &byte, 1, offset), 1);
    }

    sdk::testing::TemporaryDirectory directory;
    const std::string path = directory.path() + "/root.cow";
};

TEST_F(CowFile, HasTheKernelsHeaderAndIsOtherwiseEmpty)
{
    ASSERT_TRUE(cow::make(path, 1ULL << 30U));
    std::string header(16, 'x');
    const os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::pread(fd.get(), header.data(), header.size(), 0), 16);
    EXPECT_EQ(header, std::string("SnAp\1\0\0\0\1\0\0\0\10\0\0\0", 16));
    struct stat status {};
    ASSERT_EQ(::fstat(fd.get(), &status), 0);
    EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), cow::length_for(1ULL << 30U));
    EXPECT_LE(status.st_blocks, 16) << "it is sparse";
}

// Chunk 0 is the header, and each 256 chunks of data have one before them that says where they belong. The last
// area must have another behind it: the kernel clears that first.
TEST_F(CowFile, HasRoomForEveryChunkOfItsDisk)
{
    constexpr std::uint64_t chunk = 4096;
    EXPECT_EQ(cow::length_for(chunk), (1 + 257) * chunk);
    EXPECT_EQ(cow::length_for(255 * chunk), (1 + 257) * chunk);
    EXPECT_EQ(cow::length_for(256 * chunk), (1 + 2 * 257) * chunk);
    EXPECT_EQ(cow::length_for(257 * chunk), (1 + 2 * 257) * chunk);
}

TEST_F(CowFile, GrowsAndKeepsWhatIsInIt)
{
    ASSERT_TRUE(cow::make(path, 1U << 20U));
    patch(8192, 'x');
    ASSERT_TRUE(cow::grow(path, 1U << 22U));
    EXPECT_EQ(os::read_file(path)->size(), cow::length_for(1U << 22U));
    EXPECT_EQ(os::read_file(path)->at(8192), 'x');
    EXPECT_EQ(*cow::validity_of(path), cow::Validity::valid);
}

TEST_F(CowFile, WhatTheKernelGaveUpIsSeenAndTakenBack)
{
    ASSERT_TRUE(cow::make(path, 1U << 20U));
    patch(4, 0);
    EXPECT_EQ(*cow::validity_of(path), cow::Validity::given_up);
    ASSERT_TRUE(cow::make_valid(path));
    EXPECT_EQ(*cow::validity_of(path), cow::Validity::valid);
}

TEST_F(CowFile, AnythingElseIsCorruptAndLeftAlone)
{
    for (const off_t field : {0, 8, 12}) {
        ASSERT_TRUE(cow::make(path, 1U << 20U));
        patch(field, 'x');
        const auto before = os::read_file(path);
        EXPECT_EQ(cow::validity_of(path).error().code, Code::corrupt);
        EXPECT_EQ(cow::make_valid(path).error().code, Code::corrupt);
        EXPECT_EQ(*os::read_file(path), *before);
    }
    ASSERT_TRUE(os::write_file_atomic(path, "SnAp"));
    EXPECT_EQ(cow::validity_of(path).error().code, Code::corrupt);
}

}  // namespace
}  // namespace banger::dm
