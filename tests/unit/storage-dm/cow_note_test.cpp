// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cow_note.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "layer_chain.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
namespace os = sdk::os;

const CowNote note{"00112233", 4294967296, "1732846000", {"/images/a b/root.ext4", 1073741824, "raw"}};

TEST(DmCowNote, IsReadAsItWasWritten)
{
    const sdk::testing::TemporaryDirectory directory;
    ASSERT_TRUE(write_note(directory.path() + "/root.cow", note));
    const auto read = read_note(directory.path() + "/root.cow");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, note);
    auto odd = note;
    odd.layer.path = "/images/two\nlines";
    EXPECT_EQ(parse_note(note_text(odd))->layer.path, odd.layer.path);
}

TEST(DmCowNote, AnyPartThatIsMissingOrTornIsCorrupt)
{
    const std::string text = note_text(note);
    for (std::size_t length = 0; length < text.find("layer /") + 7; ++length) {
        const auto parsed = parse_note(text.substr(0, length));
        ASSERT_FALSE(parsed) << length;
        EXPECT_EQ(parsed.error().code, Code::corrupt);
    }
    std::string wrong = text;
    wrong.replace(wrong.find("4294967296"), 10, "4294967x96");
    EXPECT_FALSE(parse_note(wrong));
}

TEST(DmCowNote, NoDiskIsLongerThanAFileCanBe)
{
    for (const std::uint64_t bytes : {std::uint64_t{UINT64_MAX}, (std::uint64_t{1} << 48U) + 512, std::uint64_t{513}}) {
        auto odd = note;
        odd.bytes = bytes;
        EXPECT_EQ(parse_note(note_text(odd)).error().code, Code::corrupt) << bytes;
    }
    auto odd = note;
    odd.layer.bytes = UINT64_MAX;
    EXPECT_EQ(parse_note(note_text(odd)).error().code, Code::corrupt);
}

TEST(DmCowNote, AFifoOrALinkInItsPlaceIsRefused)
{
    const sdk::testing::TemporaryDirectory directory;
    const std::string cow = directory.path() + "/root.cow";
    ASSERT_EQ(::mkfifo(note_path(cow).c_str(), 0600), 0);
    EXPECT_EQ(read_note(cow).error().code, Code::invalid);
    ASSERT_TRUE(os::remove_file(note_path(cow)));
    ASSERT_TRUE(write_note(directory.path() + "/other.cow", note));
    ASSERT_EQ(::symlink(note_path(directory.path() + "/other.cow").c_str(), note_path(cow).c_str()), 0);
    EXPECT_EQ(read_note(cow).error().code, Code::invalid);
}

TEST(DmLayerMark, AnotherFileAtALayersPathIsNoticed)
{
    const sdk::testing::TemporaryDirectory directory;
    const std::string path = directory.path() + "/root.ext4";
    ASSERT_TRUE(os::write_file_atomic(path, std::string(4096, 'L')));
    const sdk::Layer layer{path, 4096, "raw"};
    const auto mark = mark_of(layer);
    ASSERT_TRUE(mark);
    EXPECT_TRUE(check_mark(layer, *mark));

    const timespec earlier{1000, 0};
    const timespec times[]{earlier, earlier};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    EXPECT_EQ(check_mark(layer, *mark).error().code, Code::corrupt);
    EXPECT_TRUE(check_mark(layer, "1000"));
    EXPECT_EQ(check_mark({path, 8192, "raw"}, "1000").error().code, Code::corrupt);
    ASSERT_TRUE(os::remove_file(path));
    EXPECT_EQ(check_mark(layer, "1000").error().code, Code::not_found);
}

}  // namespace
}  // namespace banger::dm
