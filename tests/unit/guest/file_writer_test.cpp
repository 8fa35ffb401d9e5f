// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/file_writer.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::tree {
namespace {

constexpr std::size_t mebibyte = 1UL << 20;

class FileWriterTest : public ::testing::TestWithParam<Caching> {
protected:
    // Not in memory: tmpfs of older kernels has no O_DIRECT.
    FileWriterTest() : file(::mkstemp(path.data())) {}
    ~FileWriterTest() override { ::unlink(path.c_str()); }

    std::string bytes(std::size_t size)
    {
        std::string made(size, '\0');
        for (auto& byte : made)
            byte = static_cast<char>(random());
        return made;
    }
    /// In pieces of odd sizes, as a stream brings them.
    void write(FileWriter& writer, const std::string& content, std::size_t at, std::size_t piece)
    {
        for (std::size_t done = 0; done < content.size(); done += piece) {
            const auto part = std::string_view(content).substr(done, piece);
            const auto written = writer.write(part, static_cast<off_t>(at + done));
            ASSERT_TRUE(written) << written.error().message;
        }
    }
    std::string content() { return *sdk::os::read_file(path, 128 * mebibyte); }

    std::string path = "/var/tmp/banger-file-writer-XXXXXX";
    sdk::os::UniqueFd file;
    std::minstd_rand random{1};
};

TEST_P(FileWriterTest, WhatIsGivenIsThereWhateverItsPieces)
{
    const std::string all = bytes(21 * mebibyte + 777);
    for (const std::size_t piece : {std::size_t(4095), std::size_t(65536), 3 * mebibyte + 1, all.size()}) {
        ASSERT_EQ(::ftruncate(file.get(), 0), 0);
        FileWriter writer(file.get(), GetParam());
        write(writer, all, 0, piece);
        ASSERT_TRUE(writer.finish());
        EXPECT_TRUE(content() == all) << piece;
    }
}

TEST_P(FileWriterTest, LongPiecesGoAsTheyLie)
{
    const std::string all = bytes(40 * mebibyte + 777);
    const Block block = make_block(4 * mebibyte);
    for (const std::size_t piece : {2 * mebibyte, mebibyte + 512, std::size_t(133 * 1024), 2 * mebibyte + 100}) {
        ASSERT_EQ(::ftruncate(file.get(), 0), 0);
        FileWriter writer(file.get(), GetParam());
        std::size_t lies_at = 1536;  // behind headers
        for (std::size_t done = 0; done < all.size(); done += piece, lies_at = (lies_at + 512) % 4096) {
            const auto part = std::string_view(all).substr(done, piece);
            part.copy(block.get() + lies_at, part.size());
            ASSERT_TRUE(writer.write({block.get() + lies_at, part.size()}, static_cast<off_t>(done)));
            std::fill_n(block.get() + lies_at, part.size(), '?');  // it is the caller's again
        }
        ASSERT_TRUE(writer.finish());
        EXPECT_TRUE(content() == all) << piece;
    }
}

TEST_P(FileWriterTest, GapsAreHoles)
{
    const std::string first = bytes(12 * mebibyte + 100);
    const std::string second = bytes(17 * mebibyte + 5);
    constexpr std::size_t behind = 40 * mebibyte + 333;
    FileWriter writer(file.get(), GetParam());
    write(writer, first, 0, 70000);
    write(writer, second, behind, 70000);
    ASSERT_TRUE(writer.finish());
    std::string expected = first;
    expected.resize(behind);
    EXPECT_TRUE(content() == expected + second);
    struct stat status {};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    EXPECT_LT(static_cast<std::size_t>(status.st_blocks) * 512, first.size() + second.size() + mebibyte);
}

TEST_P(FileWriterTest, TheDescriptorIsAsItWas)
{
    FileWriter writer(file.get(), GetParam());
    write(writer, bytes(10 * mebibyte), 0, 65536);
    ASSERT_TRUE(writer.finish());
    EXPECT_EQ(::fcntl(file.get(), F_GETFL) & O_DIRECT, 0);
}

TEST_P(FileWriterTest, AFullDiskIsSaid)
{
    const sdk::os::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    FileWriter writer(full.get(), GetParam());
    const auto written = writer.write(bytes(100), 0);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, sdk::Code::no_space);
}

INSTANTIATE_TEST_SUITE_P(Both, FileWriterTest, ::testing::Values(Caching::here, Caching::below),
                         [](const auto& tested) { return tested.param == Caching::here ? "Here" : "Below"; });

TEST(FileWriterBelow, WhatIsLargeIsNotInThePageCache)
{
    std::string path = "/var/tmp/banger-file-writer-XXXXXX";
    const sdk::os::UniqueFd file(::mkstemp(path.data()));
    ::unlink(path.c_str());
    if (::fcntl(file.get(), F_SETFL, O_DIRECT) != 0)
        GTEST_SKIP() << "/var/tmp is on a file system without O_DIRECT";
    ASSERT_EQ(::fcntl(file.get(), F_SETFL, 0), 0);
    FileWriter writer(file.get(), Caching::below);
    const std::string piece(mebibyte, 'x');
    for (off_t at = 0; at < static_cast<off_t>(16 * mebibyte); at += static_cast<off_t>(mebibyte)) {
        ASSERT_TRUE(writer.write(piece, at));
        const bool direct = (::fcntl(file.get(), F_GETFL) & O_DIRECT) != 0;
        EXPECT_EQ(direct, at >= static_cast<off_t>(8 * mebibyte)) << at;
    }
    ASSERT_TRUE(writer.finish());
}

}  // namespace
}  // namespace banger::tree
