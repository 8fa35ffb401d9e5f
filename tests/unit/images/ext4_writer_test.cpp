// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "support.hpp"

namespace banger::images {
namespace {

using namespace testing;

constexpr std::string_view secret = "a-text-that-stands-in-no-metadata";

TEST(Ext4Writer, AnEmptyFileSystemIsCleanWithAndWithoutJournal)
{
    const TempDir dir;
    for (const std::uint64_t journal : {0U, 4U << 20, 32U << 20}) {
        auto given = options();
        given.journal_bytes = journal;
        const auto path = dir / ("journal-" + std::to_string(journal));
        auto writer = make_writer(path, given);
        const auto summary = writer.finish();
        ASSERT_EQ(why(summary), "");
        EXPECT_EQ(complaints(path), "");
        struct stat status {};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), summary->file_bytes);
        EXPECT_EQ(summary->file_bytes % (1U << 20), 0U);
        EXPECT_EQ(summary->file_count, 1U) << "only lost+found";
    }
}

TEST(Ext4Writer, HasTheFeaturesThatAGuestRelyOn)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    ASSERT_EQ(why(writer.finish()), "");
    const auto shown = run({"dumpe2fs", "-h", path}).output;
    for (const std::string feature : {"extent", "64bit", "metadata_csum", "dir_index", "extra_isize", "huge_file",
                                      "sparse_super", "resize_inode", "has_journal", "ext_attr"})
        EXPECT_NE(shown.find(" " + feature), std::string::npos) << feature;
    EXPECT_NE(shown.find("Filesystem volume name:   test"), std::string::npos);
    EXPECT_NE(shown.find("01020304-0506-0708-090a-0b0c0d0e0f10"), std::string::npos);
}

TEST(Ext4Writer, KeepsContentOfEveryLength)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    std::map<std::string, std::string> contents;
    for (const std::size_t length : {0U, 1U, 4095U, 4096U, 4097U, 131071U, 131072U, 300000U, 1048575U}) {
        std::string content(length, '\0');
        for (std::size_t at = 0; at < length; ++at)
            content[at] = static_cast<char>(at * 7 + at / 4096);
        const auto name = "file-" + std::to_string(length);
        ASSERT_EQ(why(put(writer, name, content)), "");
        EXPECT_TRUE(content_of(writer, name) == content) << length;
        contents[name] = content;
    }
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
    for (const auto& [name, content] : contents) {
        const auto out = dir / name;
        (void)debugfs(path, "dump /" + name + " " + out);
        EXPECT_TRUE(read_whole(out) == content) << name;
    }
}

TEST(Ext4Writer, TheSameEntriesGiveTheSameBytes)
{
    const TempDir dir;
    for (const auto* name : {"one", "two"}) {
        auto writer = make_writer(dir / name);
        for (int i = 0; i < 500; ++i)
            ASSERT_EQ(why(put(writer, "directory/file-" + std::to_string(i), std::to_string(i))), "");
        ASSERT_EQ(why(writer.symlink("link", with_mode(0777), std::string(100, 'x'))), "");
        ASSERT_EQ(why(writer.finish()), "");
    }
    EXPECT_TRUE(read_whole(dir / "one") == read_whole(dir / "two"));
}

/// Some of everything, with what was replaced and removed.
void write_some_of_everything(Ext4Writer& writer)
{
    auto labelled = with_mode(0640);
    for (int i = 0; i < 3000; ++i) {
        const auto directory = "d" + std::to_string(i % 7) + "/e" + std::to_string(i % 91);
        labelled.xattrs = {{"user.number", std::to_string(i)}};
        ASSERT_EQ(why(put(writer, directory + "/file-" + std::to_string(i), std::string(i, 'x'), labelled)), "");
        ASSERT_EQ(why(writer.symlink(directory + "/link-" + std::to_string(i), {}, std::string(1 + i % 100, 't'))), "");
        ASSERT_EQ(why(writer.hard_link("all/" + std::to_string(i), directory + "/file-" + std::to_string(i))), "");
    }
    for (int i = 0; i < 3000; i += 3)
        ASSERT_EQ(why(put(writer, "all/" + std::to_string(i), "again")), "");
    ASSERT_EQ(why(writer.remove("d3")), "");
    ASSERT_EQ(why(writer.remove("d4/e4")), "");
    ASSERT_EQ(why(writer.device("d3", {}, FileKind::block_device, 259, 70000)), "");
}

TEST(Ext4Writer, GivesTheSameBytesHoweverLittleMemoryItHas)
{
    const TempDir dir;
    for (const std::uint64_t memory : {0U, 32U << 20}) {
        auto given = options();
        given.memory_bytes = memory;
        const auto path = dir / std::to_string(memory);
        auto writer = make_writer(path, given);
        write_some_of_everything(writer);
        ASSERT_EQ(why(writer.finish()), "");
        EXPECT_EQ(complaints(path), "");
    }
    EXPECT_TRUE(read_whole(dir / "0") == read_whole(dir / std::to_string(32U << 20)));
}

TEST(Ext4Writer, MemoryDoesNotGrowWithTheNumberOfEntries)
{
    const auto peak_kib = [] {  // proc(5); a test has a process of its own
        const auto status = sdk::os::read_file("/proc/self/status").value_or("");
        return std::stoll(status.substr(status.find("VmHWM:") + 6));
    };
    const TempDir dir;
    auto given = options();
    given.bytes_per_inode = 4096;
    given.memory_bytes = 1U << 20;
    auto writer = make_writer(dir / "disk", given);
    const auto before = peak_kib();
    auto metadata = with_mode(0644);
    metadata.xattrs = {{"user.a", ""}};
    for (int i = 0; i < 100'000; ++i) {
        metadata.xattrs.front().value = std::to_string(i) + std::string(60, 'v');
        ASSERT_TRUE(writer.fifo(std::to_string(i % 10) + "/" + std::to_string(i) + std::string(100, 'n'), metadata));
    }
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(dir / "disk"), "");
    EXPECT_LT(peak_kib() - before, 12 * 1024) << "of some 30 MiB that names, inodes and attributes are";
}

TEST(Ext4Writer, SaysSoWhenWhatDoesNotFitInMemoryHasNoPlace)
{
    const TempDir dir;
    const auto gone = dir / "gone";
    ASSERT_EQ(::mkdir(gone.c_str(), 0700), 0);
    auto given = options();
    given.memory_bytes = 0;
    auto writer = make_writer(gone + "/disk", given);
    ASSERT_EQ(::unlink((gone + "/disk").c_str()), 0);
    ASSERT_EQ(::rmdir(gone.c_str()), 0);
    sdk::Result<void> result;
    for (int i = 0; i < 10'000 && result; ++i)
        result = writer.fifo(std::to_string(i), {});
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(gone), std::string::npos) << result.error().message;
}

TEST(Ext4Writer, MakesMissingParents)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    ASSERT_EQ(why(put(writer, "a/b/c", "x")), "");
    EXPECT_EQ(writer.kind_of("a/b"), FileKind::directory);
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
    EXPECT_NE(debugfs(path, "stat /a/b").find("Mode:  0755"), std::string::npos);
}

TEST(Ext4Writer, RefusesPathsThatAreNone)
{
    const TempDir dir;
    auto writer = make_writer(dir / "disk");
    ASSERT_EQ(why(put(writer, "file", "x")), "");
    ASSERT_EQ(why(writer.symlink("link", with_mode(0777), "/")), "");
    for (const std::string_view path :
         {std::string_view("/a"), std::string_view("a/"), std::string_view("a//b"), std::string_view(".."),
          std::string_view("a/../b"), std::string_view("."), std::string_view("a/./b"), std::string_view("a\0b", 3),
          std::string_view(""), std::string_view("file/below"), std::string_view("link/below"),
          std::string_view("link/below/more")}) {
        const auto result = put(writer, path, "x");
        ASSERT_FALSE(result) << path;
        EXPECT_EQ(result.error().code, sdk::Code::invalid) << path;
    }
    EXPECT_FALSE(put(writer, std::string(256, 'n'), "x"));
    EXPECT_EQ(why(put(writer, std::string(255, 'n'), "x")), "");
    EXPECT_EQ(why(writer.finish()), "") << "a refused path leaves the writer usable";
    EXPECT_EQ(complaints(dir / "disk"), "");
}

TEST(Ext4Writer, LaterEntriesReplaceEarlierOnesAsTarDoes)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    const auto metadata = with_mode(0700);
    ASSERT_EQ(why(put(writer, "file", secret)), "");
    ASSERT_EQ(why(put(writer, "file", "new")), "");
    EXPECT_EQ(content_of(writer, "file"), "new");

    ASSERT_EQ(why(put(writer, "directory/child", "x")), "");
    ASSERT_EQ(why(writer.directory("directory", metadata)), "");
    EXPECT_EQ(writer.kind_of("directory/child"), FileKind::regular) << "a directory keeps what is in it";

    EXPECT_FALSE(put(writer, "directory", "x")) << "not empty";
    ASSERT_EQ(why(writer.directory("empty", metadata)), "");
    ASSERT_EQ(why(put(writer, "empty", "x")), "");
    EXPECT_EQ(writer.kind_of("empty"), FileKind::regular);

    ASSERT_EQ(why(writer.symlink("link", metadata, "elsewhere")), "");
    ASSERT_EQ(why(writer.directory("link", metadata)), "");
    ASSERT_EQ(why(put(writer, "link/child", "x")), "");

    ASSERT_EQ(why(writer.hard_link("second", "file")), "");
    ASSERT_EQ(why(put(writer, "file", "third")), "");
    EXPECT_EQ(content_of(writer, "second"), "new");

    ASSERT_EQ(why(put(writer, "gone/a/b/c", secret)), "");
    ASSERT_EQ(why(writer.remove("gone")), "");
    ASSERT_EQ(why(writer.remove("never/there")), "");
    EXPECT_FALSE(writer.kind_of("gone"));

    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
    EXPECT_EQ(read_whole(path).find(secret), std::string::npos) << "what was replaced is nowhere in the file";
}

TEST(Ext4Writer, HardLinksShareOneInode)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    ASSERT_EQ(why(put(writer, "first", "x")), "");
    ASSERT_EQ(why(writer.hard_link("other/second", "first")), "");
    ASSERT_EQ(why(writer.hard_link("first", "first")), "");
    EXPECT_FALSE(writer.hard_link("third", "nowhere"));
    EXPECT_FALSE(writer.hard_link("third", "other")) << "a directory";
    const auto summary = writer.finish();
    ASSERT_EQ(why(summary), "");
    EXPECT_EQ(complaints(path), "");
    EXPECT_EQ(summary->file_count, 3U) << "first, other, lost+found";
    EXPECT_NE(debugfs(path, "stat /first").find("Links: 2"), std::string::npos);
}

TEST(Ext4Writer, AFileHasAtMost65000Names)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    ASSERT_EQ(why(put(writer, "first", "x")), "");
    for (int i = 1; i < 65000; ++i)
        ASSERT_TRUE(writer.hard_link("links/" + std::to_string(i), "first")) << i;
    EXPECT_FALSE(writer.hard_link("links/more", "first"));
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
}

TEST(Ext4Writer, HolesStayHoles)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    const std::uint64_t size = 5ULL << 30;  // more than 32 bits count
    const std::vector<DataRun> runs{{5000, "middle"}, {9000, "same block"}, {1ULL << 30, "far"}, {size - 3, "end"}};
    std::size_t next = 0;
    ASSERT_EQ(why(writer.file("sparse", {}, size,
                              [&]() -> sdk::Result<std::optional<DataRun>> {
                                  return next < runs.size() ? std::optional(runs[next++]) : std::nullopt;
                              })),
              "");
    std::string expected(10000, '\0');
    expected.replace(5000, 6, "middle").replace(9000, 10, "same block");
    EXPECT_EQ(*writer.read_file("sparse", 10000).value_or(std::nullopt), expected);
    const auto summary = writer.finish();
    ASSERT_EQ(why(summary), "");
    EXPECT_LT(summary->file_bytes, 32U << 20);
    EXPECT_EQ(complaints(path), "");
    EXPECT_NE(debugfs(path, "stat /sparse").find("Size: " + std::to_string(size)), std::string::npos);
    EXPECT_EQ(block_of(path, "/sparse", size / 4096 - 1).substr(4093), "end");
    EXPECT_EQ(block_of(path, "/sparse", (1ULL << 30) / 4096).substr(0, 3), "far");
}

TEST(Ext4Writer, AFileInThousandsOfPiecesGetsAnExtentTree)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    constexpr std::uint64_t pieces = 5000;  // more than four index entries' worth of leaves
    std::uint64_t next = 0;
    ASSERT_EQ(why(writer.file("pieces", {}, pieces * 8192,
                              [&]() -> sdk::Result<std::optional<DataRun>> {
                                  return next < pieces ? std::optional(DataRun{next++ * 8192, "piece"}) : std::nullopt;
                              })),
              "");
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
    (void)debugfs(path, "dump /pieces " + (dir / "out"));
    const auto out = read_whole(dir / "out");
    ASSERT_EQ(out.size(), pieces * 8192);
    for (std::uint64_t piece = 0; piece < pieces; ++piece)
        ASSERT_EQ(out.compare(piece * 8192, 6, std::string_view("piece\0", 6)), 0) << piece;
}

TEST(Ext4Writer, RefusesContentOutOfOrderOrTooLong)
{
    const TempDir dir;
    auto writer = make_writer(dir / "disk");
    for (const auto& runs : std::vector<std::vector<DataRun>>{
             {{10, "x"}, {5, "y"}}, {{0, "abc"}, {2, "d"}}, {{99, "xy"}}, {{1000, "x"}}, {{~0ULL, "x"}}}) {
        std::size_t next = 0;
        const auto result = writer.file("f", {}, 100, [&]() -> sdk::Result<std::optional<DataRun>> {
            return next < runs.size() ? std::optional(runs[next++]) : std::nullopt;
        });
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, sdk::Code::invalid);
    }
}

TEST(Ext4Writer, LargeDirectoriesAreIndexed)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    for (int i = 0; i < 70000; ++i)
        ASSERT_TRUE(writer.fifo("short/" + std::to_string(i), {}));
    for (int i = 0; i < 9000; ++i)  // enough for a second level of the hash tree
        ASSERT_TRUE(writer.fifo("long/" + std::to_string(i) + std::string(248, 'n'), {}));
    const auto summary = writer.finish();
    ASSERT_EQ(why(summary), "");
    EXPECT_EQ(summary->file_count, 79003U);
    EXPECT_GE(summary->inode_count, summary->file_count);
    EXPECT_EQ(complaints(path), "");
    EXPECT_NE(debugfs(path, "htree_dump /short").find("Indirect levels: 0"), std::string::npos);
    EXPECT_NE(debugfs(path, "htree_dump /long").find("Indirect levels: 1"), std::string::npos);
}

TEST(Ext4Writer, ADirectoryWithManySubdirectoriesIsClean)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto given = options();
    given.bytes_per_inode = 4096;
    auto writer = make_writer(path, given);
    for (int i = 0; i < 65500; ++i)
        ASSERT_TRUE(writer.directory("d/" + std::to_string(i), with_mode(0755)));
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
}

TEST(Ext4Writer, GrowsOfflineToOneTebibyte)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    ASSERT_EQ(why(put(writer, "file", std::string(5U << 20, 'x'))), "");
    ASSERT_EQ(why(writer.finish()), "");
    ASSERT_EQ(::truncate(path.c_str(), 1LL << 40), 0);
    const auto ran = run({"resize2fs", path});
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(complaints(path), "");
}

TEST(Ext4Writer, KeepsExtendedAttributes)
{
    const TempDir dir;
    const auto path = dir / "disk";
    auto writer = make_writer(path);
    Metadata metadata;
    metadata.xattrs = {
        {"user.small", "value"}, {"user.large", std::string(3000, 'L')}, {"user.empty", ""}, {"trusted.t", "t"}};
    ASSERT_EQ(why(put(writer, "file", "x", metadata)), "");
    ASSERT_EQ(why(writer.directory("directory", metadata)), "");
    ASSERT_EQ(why(writer.symlink("link", {}, "x")), "");
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(complaints(path), "");
    EXPECT_NE(debugfs(path, "ea_get /file user.small").find("value"), std::string::npos);
    EXPECT_NE(debugfs(path, "ea_get /file user.large").find(std::string(3000, 'L')), std::string::npos);
}

TEST(Ext4Writer, NamesTheEntryWhoseAttributesDoNotFit)
{
    const TempDir dir;
    auto writer = make_writer(dir / "disk");
    const auto attempt = [&](const Xattr& xattr) {
        Metadata metadata;
        metadata.xattrs = {xattr};
        return put(writer, "file", "x", metadata);
    };
    const auto large = attempt({"user.large", std::string(5000, 'x')});
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, sdk::Code::unsupported);
    ASSERT_FALSE(large.error().during.empty());
    EXPECT_NE(large.error().during.front().find("'file'"), std::string::npos);
    for (const auto& xattr : std::vector<Xattr>{{"other.name", "x"},
                                                {"user.", "x"},
                                                {"user." + std::string(256, 'n'), "x"},
                                                {"system.posix_acl_access", "no ACL"}}) {
        const auto result = attempt(xattr);
        ASSERT_FALSE(result) << xattr.name;
        EXPECT_EQ(result.error().code, sdk::Code::invalid) << xattr.name;
    }
}

TEST(Ext4Writer, CopiesBetweenWriters)
{
    const TempDir dir;
    auto from = make_writer(dir / "from");
    auto to = make_writer(dir / "to");
    const std::string content(700000, 'c');
    const std::string target(1000, 't');
    ASSERT_EQ(why(put(from, "a/file", content, with_mode(04711))), "");
    ASSERT_EQ(why(from.symlink("short", {}, "x")), "");
    ASSERT_EQ(why(from.symlink("long", {}, target)), "");
    ASSERT_EQ(why(from.device("null", {}, FileKind::character_device, 1, 3)), "");
    for (const auto* name : {"a/file", "short", "long", "null"})
        ASSERT_EQ(why(to.copy(name, from, name)), "") << name;
    EXPECT_FALSE(to.copy("x", from, "nowhere"));
    EXPECT_FALSE(to.copy("x", from, "a"));
    EXPECT_EQ(content_of(to, "a/file"), content);
    ASSERT_EQ(why(to.finish()), "");
    EXPECT_EQ(complaints(dir / "to"), "");
    EXPECT_NE(debugfs(dir / "to", "stat /a/file").find("Mode:  04711"), std::string::npos);
    EXPECT_EQ(debugfs(dir / "to", "cat /long").substr(0, target.size()), target);
}

TEST(Ext4Writer, SaysThatItIsAtItsOwnLimit)
{
    const TempDir dir;
    auto given = options();
    given.max_bytes = 16U << 20;
    auto writer = make_writer(dir / "disk", given);
    const auto result = put(writer, "large", std::string(20U << 20, 'x'));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, sdk::Code::unsupported) << "and not the host's disk";
    EXPECT_NE(result.error().message.find(dir / "disk"), std::string::npos);
}

TEST(Ext4Writer, SaysThatItIsAtItsOwnLimitWhenThereAreMoreFilesThanInodes)
{
    const TempDir dir;
    auto given = options();
    given.max_bytes = 16U << 20;
    given.bytes_per_inode = 1U << 20;
    auto writer = make_writer(dir / "disk", given);
    sdk::Result<void> result;
    for (int i = 0; i < 1000 && result; ++i)
        result = put(writer, std::to_string(i), "");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, sdk::Code::unsupported);
}

TEST(Ext4Writer, SaysNoSpaceWhenTheHostHasNone)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root to mount a small tmpfs";
    const TempDir dir;
    const auto small = dir / "small";
    ASSERT_EQ(::mkdir(small.c_str(), 0700), 0);
    if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "this root may not mount a tmpfs";
    for (const bool early : {true, false}) {
        auto writer = make_writer(small + (early ? "/early" : "/late"));
        sdk::Error error;
        if (early) {
            const auto result = put(writer, "large", std::string(3U << 20, 'x'));
            ASSERT_FALSE(result);
            error = result.error();
        } else {
            const auto result = writer.finish();  // 512 KiB of descriptor blocks do not fit beside what is there
            ASSERT_FALSE(result);
            error = result.error();
        }
        EXPECT_EQ(error.code, sdk::Code::no_space) << error.message;
        EXPECT_NE(error.message.find(small), std::string::npos) << error.message;
    }
    EXPECT_EQ(::umount2(small.c_str(), MNT_DETACH), 0);
}

TEST(Ext4Writer, CanBeCancelledAtAnyCall)
{
    const TempDir dir;
    for (int allowed = 0;; ++allowed) {
        auto given = options();
        int left = allowed;
        given.cancelled = [&left] { return left-- <= 0; };
        auto writer = make_writer(dir / std::to_string(allowed), given);
        auto result = put(writer, "a/b", std::string(300000, 'x'));
        if (result)
            result = writer.symlink("link", {}, "target");
        if (result)
            if (auto finished = writer.finish(); !finished)
                result = finished.error();
        if (result) {
            EXPECT_GT(allowed, 5) << "it asks now and then";
            break;
        }
        ASSERT_EQ(result.error().code, sdk::Code::cancelled);
    }
}

TEST(Ext4Writer, RefusesImpossibleOptionsAndAFileThatIsThere)
{
    const TempDir dir;
    const auto refused = [&](auto change) {
        auto given = options();
        change(given);
        auto writer = Ext4Writer::create(dir / "disk", given);
        return !writer && writer.error().code == sdk::Code::invalid && ::access((dir / "disk").c_str(), F_OK) != 0;
    };
    EXPECT_TRUE(refused([](auto& o) { o.label = "seventeen letters"; }));
    EXPECT_TRUE(refused([](auto& o) { o.journal_bytes = 4096; }));
    EXPECT_TRUE(refused([](auto& o) { o.journal_bytes = 2ULL << 30; }));
    EXPECT_TRUE(refused([](auto& o) { o.grow_to_bytes = 1ULL << 50; }));
    EXPECT_TRUE(refused([](auto& o) { o.max_bytes = o.grow_to_bytes + 1; }));
    EXPECT_TRUE(refused([](auto& o) { o.bytes_per_inode = 1; }));

    auto writer = make_writer(dir / "disk");
    EXPECT_EQ(Ext4Writer::create(dir / "disk", options()).error().code, sdk::Code::exists);
    ASSERT_EQ(why(writer.finish()), "");
    EXPECT_EQ(writer.finish().error().code, sdk::Code::precondition);
}

}  // namespace
}  // namespace banger::images
