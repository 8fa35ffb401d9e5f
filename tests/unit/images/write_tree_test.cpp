// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/write_tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support.hpp"

namespace banger::images {
namespace {

using namespace testing;
namespace fs = std::filesystem;

class WriteTree : public ::testing::Test {
protected:
    void file(const std::string& path, const std::string& content)
    {
        fs::create_directories(fs::path(top + "/" + path).parent_path());
        std::ofstream(top + "/" + path, std::ios::binary) << content;
    }

    TempDir dir;
    std::string top = dir / "tree";
};

TEST_F(WriteTree, CopiesATreeAndGivesItToRoot)
{
    file("6.1.0/kernel/drivers/one.ko", std::string(9000, 'k'));
    file("6.1.0/modules.dep", "deps");
    ::chmod((top + "/6.1.0/modules.dep").c_str(), 0640);
    fs::create_symlink("/usr/src/linux", top + "/6.1.0/build");
    fs::create_hard_link(top + "/6.1.0/modules.dep", top + "/6.1.0/again");
    ASSERT_EQ(::mkfifo((top + "/pipe").c_str(), 0600), 0);
    const timespec then{1'234'567'890, 987'654'321};
    const timespec both[2]{then, then};
    ASSERT_EQ(::utimensat(AT_FDCWD, (top + "/6.1.0/modules.dep").c_str(), both, 0), 0);

    const auto path = dir / "disk";
    auto writer = make_writer(path);
    ASSERT_EQ(why(write_tree(writer, top)), "");
    EXPECT_EQ(content_of(writer, "6.1.0/kernel/drivers/one.ko"), std::string(9000, 'k'));
    EXPECT_EQ(writer.kind_of("6.1.0/build"), FileKind::symlink);
    EXPECT_EQ(writer.kind_of("pipe"), FileKind::fifo);
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
    const auto shown = debugfs(path, "stat /6.1.0/modules.dep");
    EXPECT_NE(shown.find("Mode:  0640"), std::string::npos) << shown;
    EXPECT_NE(shown.find("Links: 2"), std::string::npos) << shown;
    EXPECT_NE(shown.find("User:     0   Group:     0"), std::string::npos) << shown;
    EXPECT_NE(shown.find("mtime: 0x499602d2:eb79a2c4"), std::string::npos) << shown;
}

TEST_F(WriteTree, KeepsHoles)
{
    file("sparse", "start");
    ASSERT_EQ(::truncate((top + "/sparse").c_str(), 1LL << 30), 0);
    auto writer = make_writer(dir / "disk");
    ASSERT_EQ(why(write_tree(writer, top)), "");
    const auto summary = writer.finish();
    ASSERT_EQ(why(summary), "");
    EXPECT_LT(summary->file_bytes, 32U << 20);
    EXPECT_EQ(complaints(dir / "disk"), "");
}

TEST_F(WriteTree, FollowsNoLink)
{
    file("real/inside", "x");
    fs::create_directory_symlink("real", top + "/way");
    fs::create_symlink("/etc/passwd", top + "/outside");
    auto writer = make_writer(dir / "disk");
    ASSERT_EQ(why(write_tree(writer, top)), "");
    EXPECT_EQ(writer.kind_of("way"), FileKind::symlink);
    EXPECT_EQ(writer.kind_of("outside"), FileKind::symlink);
}

TEST_F(WriteTree, TheSameTreeGivesTheSameBytes)
{
    for (int i = 0; i < 300; ++i)
        file("d" + std::to_string(i % 7) + "/f" + std::to_string(i), std::to_string(i));
    for (const auto* name : {"one", "two"}) {
        auto writer = make_writer(dir / name);
        ASSERT_EQ(why(write_tree(writer, top)), "");
        ASSERT_EQ(why(writer.finish()), "");
    }
    EXPECT_TRUE(read_whole(dir / "one") == read_whole(dir / "two"));
}

TEST_F(WriteTree, NamesWhatItCannotRead)
{
    auto writer = make_writer(dir / "disk");
    const auto missing = write_tree(writer, dir / "nowhere");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, sdk::Code::not_found);
    EXPECT_NE(missing.error().message.find("nowhere"), std::string::npos);
}

}  // namespace
}  // namespace banger::images
