// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What the kernel sees in a file system of ours, against what tar unpacks from the same archive.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/images/write_tree.hpp"
#include "support.hpp"
#include "tree_snapshot.hpp"

namespace banger::images {
namespace {

using namespace testing;

constexpr unsigned cap_sys_resource = 24;  // linux/capability.h

bool has_capability(unsigned number)
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("CapEff:"))
            return (std::stoull(line.substr(7), nullptr, 16) >> number & 1U) != 0;
    return false;
}

class Mounted : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root to mount through a loop device";
        for (const auto* name : {"made", "unpacked", "mounted"})
            ASSERT_EQ(::mkdir((dir / name).c_str(), 0755), 0);
        auto probe = make_writer(dir / "probe");
        ASSERT_EQ(why(probe.finish()), "");
        if (!mount("probe", "ro"))
            GTEST_SKIP() << "this root cannot mount through a loop device";
        unmount();
    }
    void TearDown() override { unmount(); }

    bool mount(const std::string& file, const std::string& how)
    {
        mounted_ = run({"mount", "-t", "ext4", "-o", "loop," + how, dir / file, dir / "mounted"}).status == 0;
        return mounted_;
    }
    void unmount()
    {
        if (!std::exchange(mounted_, false))
            return;
        EXPECT_EQ(::umount2((dir / "mounted").c_str(), 0), 0);
    }
    void unpack(const std::string& archive)
    {
        const auto ran = run({"tar", "-C", dir / "unpacked", "--xattrs", "--xattrs-include=*", "--acls",
                              "--numeric-owner", "-xpf", archive});
        ASSERT_EQ(ran.status, 0) << ran.output;
    }
    void import(const std::string& archive)
    {
        auto writer = make_writer(dir / "disk");
        const sdk::os::UniqueFd fd(::open(archive.c_str(), O_RDONLY | O_CLOEXEC));
        ASSERT_EQ(why(import_tar(fd.get(), ImportPlan{writer})), "");
        ASSERT_EQ(why(writer.finish()), "");
    }
    void expect_same(const std::string& expected)
    {
        ASSERT_EQ(complaints(dir / "disk"), "");
        ASSERT_TRUE(mount("disk", "ro"));
        const auto wanted = snapshot_of(dir / expected);
        const auto found = snapshot_of(dir / "mounted");
        EXPECT_GT(wanted.size(), 10U);
        for (const auto& difference : differences(wanted, found))
            ADD_FAILURE() << difference;
        unmount();
    }

    TempDir dir;

private:
    bool mounted_ = false;
};

TEST_F(Mounted, ShowsWhatTarUnpacksOfAnOddTree)
{
    make_odd_tree(dir / "made");
    for (const std::string format : {"pax", "gnu"}) {
        const auto archive = dir / (format + ".tar");
        std::vector<std::string> command{
            "tar", "-C", dir / "made", "--numeric-owner", "--sparse", "--format=" + format};
        if (format == "pax")
            command.insert(command.end(), {"--xattrs", "--xattrs-include=*", "--acls"});
        command.insert(command.end(), {"-cf", archive, "."});
        const auto ran = run(command);
        ASSERT_EQ(ran.status, 0) << ran.output;
        unpack(archive);
        import(archive);
        expect_same("unpacked");
        ::unlink((dir / "disk").c_str());
        (void)run({"rm", "-rf", dir / "unpacked"});
        ASSERT_EQ(::mkdir((dir / "unpacked").c_str(), 0755), 0);
    }
}

TEST_F(Mounted, ShowsAFileLongerThanABlockGroup)
{
    std::string large(140U << 20, '\0');
    for (std::size_t at = 0; at < large.size(); at += 512)
        large[at] = static_cast<char>(at / 512 % 251);
    auto writer = make_writer(dir / "disk");
    ASSERT_EQ(why(put(writer, "large", large)), "");
    ASSERT_EQ(why(writer.finish()), "");
    ASSERT_EQ(complaints(dir / "disk"), "");
    ASSERT_TRUE(mount("disk", "ro"));
    EXPECT_TRUE(read_whole(dir / "mounted/large") == large);
}

TEST_F(Mounted, FindsEveryNameInALargeDirectory)
{
    constexpr int count = 66000;
    TarBuilder tar;
    for (int i = 0; i < count; ++i)
        tar.file("many/file-" + std::to_string(i), "");
    std::ofstream(dir / "many.tar", std::ios::binary) << tar.bytes();
    import(dir / "many.tar");
    ASSERT_EQ(complaints(dir / "disk"), "");
    ASSERT_TRUE(mount("disk", "ro"));
    const auto names = std::distance(std::filesystem::directory_iterator(dir / "mounted/many"), {});
    EXPECT_EQ(names, count);
    for (int i = 0; i < count; ++i)
        ASSERT_EQ(::access((dir / "mounted/many/file-" + std::to_string(i)).c_str(), F_OK), 0) << i;
    EXPECT_NE(::access((dir / "mounted/many/file-66000").c_str(), F_OK), 0);
}

TEST_F(Mounted, ShowsATreeWrittenFromADirectory)
{
    make_odd_tree(dir / "made");
    auto writer = make_writer(dir / "disk");
    ASSERT_EQ(why(write_tree(writer, dir / "made", {.keep_owner = true, .keep_xattrs = true})), "");
    ASSERT_EQ(why(writer.finish()), "");
    expect_same("made");
}

TEST_F(Mounted, TakesNewFilesInAnIndexedDirectory)
{
    auto writer = make_writer(dir / "disk");
    for (int i = 0; i < 5000; ++i)
        ASSERT_TRUE(put(writer, "many/" + std::to_string(i), ""));
    ASSERT_EQ(why(writer.finish()), "");
    ASSERT_TRUE(mount("disk", "rw"));
    for (int i = 0; i < 2000; ++i) {
        const sdk::os::UniqueFd fd(::open((dir / "mounted/many/new-" + std::to_string(i)).c_str(),
                                          O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0644));
        ASSERT_TRUE(fd);
        ASSERT_EQ(::unlink((dir / "mounted/many/" + std::to_string(i)).c_str()), 0);
    }
    unmount();
    EXPECT_EQ(complaints(dir / "disk"), "");
}

TEST_F(Mounted, GrowsWhileMounted)
{
    if (!has_capability(cap_sys_resource))
        GTEST_SKIP() << "this root lacks CAP_SYS_RESOURCE, which growing a mounted file system needs";
    auto writer = make_writer(dir / "disk");
    ASSERT_EQ(why(put(writer, "file", std::string(5U << 20, 'x'))), "");
    ASSERT_EQ(why(writer.finish()), "");
    ASSERT_EQ(::truncate((dir / "disk").c_str(), 20LL << 30), 0);
    ASSERT_TRUE(mount("disk", "rw,noinit_itable"));
    const auto device = run({"findmnt", "-no", "SOURCE", dir / "mounted"}).output;
    const auto grown = run({"resize2fs", device.substr(0, device.find('\n'))});
    EXPECT_EQ(grown.status, 0) << grown.output;
    EXPECT_EQ(read_whole(dir / "mounted/file").size(), 5U << 20);
    unmount();
    EXPECT_EQ(complaints(dir / "disk"), "");
    EXPECT_NE(run({"dumpe2fs", "-h", dir / "disk"}).output.find("Block count:              5242880"),
              std::string::npos);
}

}  // namespace
}  // namespace banger::images
