// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "guest/tree/beneath.hpp"
#include "guest/tree/packer.hpp"
#include "guest/tree/target.hpp"
#include "guest/tree/unpacker.hpp"

namespace banger::tree {
namespace {

using sdk::Code;
using sdk::os::UniqueFd;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

UniqueFd directory_at(const std::string& path)
{
    return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

struct stat status_of(const std::string& path)
{
    struct stat status {};
    EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
    return status;
}

class TreeTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(sdk::os::make_private_directory(from));
        ASSERT_TRUE(sdk::os::make_private_directory(to));
    }
    void write(const std::string& path, const std::string& content, mode_t mode = 0644)
    {
        std::ofstream(path, std::ios::binary) << content;
        ASSERT_EQ(chmod(path.c_str(), mode), 0);
    }
    /// The tree below `from`, as a stream in memory.
    std::string packed(PackEvents events = {})
    {
        const std::string path = host.directory() + "/stream";
        const UniqueFd out(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        Packer packer(out.get(), std::move(events));
        const auto root = directory_at(from);
        const auto added = packer.add_tree(root.get(), ".", ".");
        EXPECT_TRUE(added) << added.error().message;
        EXPECT_TRUE(packer.finish());
        return sdk::os::read_file(path).value_or("");
    }
    sdk::Result<Unpacked> unpacked(const std::string& stream, const std::string& leaf = ".", UnpackOptions options = {})
    {
        const std::string path = host.directory() + "/in";
        EXPECT_TRUE(sdk::os::write_file_atomic(path, stream));
        const UniqueFd in(open(path.c_str(), O_RDONLY | O_CLOEXEC));
        const auto root = directory_at(to);
        DescriptorInput input(in.get());
        return unpack(input, root.get(), leaf, options);
    }
    void expect_unpacks(const std::string& leaf = ".")
    {
        const auto done = unpacked(packed(), leaf);
        ASSERT_TRUE(done) << done.error().message;
    }
    std::string content(const std::string& name) const { return sdk::os::read_file(to + "/" + name).value_or("(none)"); }

    sdk::testing::FakeHost host;
    const std::string from = host.directory() + "/from";
    const std::string to = host.directory() + "/to";
};

/// A stream that no Packer would make.
class Forged {
public:
    Forged()
    {
        archive_write_set_format_pax_restricted(archive_);
        archive_write_set_options(archive_, "hdrcharset=BINARY");
        archive_write_open(archive_, this, nullptr, &Forged::take, nullptr);
    }
    ~Forged() { archive_write_free(archive_); }
    Forged(const Forged&) = delete;
    Forged& operator=(const Forged&) = delete;
    Forged& entry(const std::string& name, mode_t mode, const std::string& content = {}, const char* symlink = nullptr,
                  const char* hard_link = nullptr)
    {
        archive_entry* entry = archive_entry_new();
        archive_entry_set_pathname(entry, name.c_str());
        archive_entry_set_mode(entry, mode);
        archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
        if (symlink != nullptr)
            archive_entry_set_symlink(entry, symlink);
        if (hard_link != nullptr)
            archive_entry_set_hardlink(entry, hard_link);
        EXPECT_EQ(archive_write_header(archive_, entry), ARCHIVE_OK);
        archive_write_data(archive_, content.data(), content.size());
        archive_entry_free(entry);
        return *this;
    }
    std::string bytes()
    {
        archive_write_close(archive_);
        return bytes_;
    }

private:
    static la_ssize_t take(archive* /*open*/, void* client, const void* bytes, std::size_t size)
    {
        static_cast<Forged*>(client)->bytes_.append(static_cast<const char*>(bytes), size);
        return static_cast<la_ssize_t>(size);
    }
    archive* archive_ = archive_write_new();
    std::string bytes_;
};

TEST_F(TreeTest, KeepsContentModesTimesAndLinks)
{
    write(from + "/plain", "hello\n", 0640);
    write(from + "/empty", "", 0600);
    write(from + "/program", "#!/bin/sh\n", 0755);
    std::filesystem::create_directories(from + "/a/b/c");
    write(from + "/a/b/c/deep", std::string(300'000, 'x'));
    std::filesystem::create_symlink("../plain", from + "/a/link");
    std::filesystem::create_symlink("/nowhere at all", from + "/dangling");
    std::filesystem::create_hard_link(from + "/plain", from + "/a/same");
    ASSERT_EQ(chmod((from + "/a/b").c_str(), 0500), 0);
    const timespec times[2] = {{0, UTIME_OMIT}, {1234567890, 0}};
    for (const char* name : {"/plain", "/a/b", "/dangling"})
        ASSERT_EQ(utimensat(AT_FDCWD, (from + name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    expect_unpacks();
    EXPECT_EQ(content("plain"), "hello\n");
    EXPECT_EQ(content("empty"), "");
    EXPECT_EQ(content("a/b/c/deep"), std::string(300'000, 'x'));
    EXPECT_EQ(status_of(to + "/plain").st_mode & 07777, 0640U);
    EXPECT_EQ(status_of(to + "/program").st_mode & 07777, 0755U);
    EXPECT_EQ(status_of(to + "/a/b").st_mode & 07777, 0500U);
    EXPECT_EQ(status_of(to + "/plain").st_ino, status_of(to + "/a/same").st_ino);
    EXPECT_EQ(std::filesystem::read_symlink(to + "/a/link"), "../plain");
    EXPECT_EQ(std::filesystem::read_symlink(to + "/dangling"), "/nowhere at all");
    for (const char* name : {"/plain", "/a/b", "/dangling"})
        EXPECT_EQ(status_of(to + name).st_mtim.tv_sec, 1234567890) << name;
}

TEST_F(TreeTest, NamesAreBytes)
{
    const std::vector<std::string> names{"new\nline", "\xff\xfe", "quote'\"", " ", "-rf", "t\xc3\xa9", std::string(255, 'n')};
    for (const auto& name : names)
        write(from + "/" + name, name);
    std::string deep = from;
    for (int i = 0; i < 12; ++i)
        std::filesystem::create_directory(deep += "/" + std::string(100, 'd'));
    write(deep + "/f", "far down");
    expect_unpacks();
    for (const auto& name : names)
        EXPECT_EQ(content(name), name);
    EXPECT_EQ(content(deep.substr(from.size() + 1) + "/f"), "far down");
}

TEST_F(TreeTest, HolesStayHoles)
{
    constexpr off_t long_file = off_t{3} << 30;
    for (const char* name : {"/middle", "/nothing"}) {
        const UniqueFd file(open((from + name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        ASSERT_EQ(ftruncate(file.get(), long_file), 0);
        if (std::string(name) == "/middle") {
            ASSERT_EQ(pwrite(file.get(), "data", 4, off_t{1} << 30), 4);
        }
    }
    const std::string stream = packed();
    EXPECT_LT(stream.size(), 1U << 20);
    const auto done = unpacked(stream);
    ASSERT_TRUE(done) << done.error().message;
    for (const char* name : {"/middle", "/nothing"}) {
        EXPECT_EQ(status_of(to + name).st_size, long_file);
        EXPECT_LT(status_of(to + name).st_blocks, 2048) << name;
    }
    std::string back(4, '\0');
    std::ifstream middle(to + "/middle", std::ios::binary);
    middle.seekg(1 << 30).read(back.data(), 4);
    EXPECT_EQ(back, "data");
}

TEST_F(TreeTest, WhatCannotTravelIsNamedAndLeftOut)
{
    ASSERT_EQ(mkfifo((from + "/pipe").c_str(), 0600), 0);
    auto socket = sdk::os::listen_unix(from + "/socket");
    ASSERT_TRUE(socket);
    write(from + "/z", "z");
    std::vector<std::string> left;
    PackEvents events;
    events.on_skipped = [&](const std::string& path, std::string_view what) { left.push_back(path + " " + std::string(what)); };
    const auto done = unpacked(packed(std::move(events)));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_THAT(left, ElementsAre("./pipe a FIFO", "./socket a socket"));
    EXPECT_EQ(content("z"), "z");
    EXPECT_FALSE(sdk::os::exists(to + "/pipe"));
}

TEST_F(TreeTest, AFileThatChangesMeanwhileIsSaid)
{
    write(from + "/grows", std::string(1 << 20, 'a'));
    write(from + "/shrinks", std::string(1 << 20, 'b'));
    write(from + "/stays", "c");
    std::vector<std::string> changed;
    PackEvents events;
    events.on_changed = [&](const std::string& name) { changed.push_back(name); };
    std::uint64_t calls = 0;
    events.on_progress = [&](std::uint64_t) {
        if (++calls == 1)
            std::ofstream(from + "/grows", std::ios::app) << "more";
        if (calls == 5) {
            ASSERT_EQ(truncate((from + "/shrinks").c_str(), 3), 0);
        }
    };
    const auto done = unpacked(packed(std::move(events)));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_THAT(changed, ElementsAre("./grows", "./shrinks"));
    EXPECT_EQ(content("stays"), "c");
    EXPECT_EQ(status_of(to + "/shrinks").st_size, 1 << 20) << "as long as was promised";
}

TEST_F(TreeTest, ASingleFileTakesTheLeafsName)
{
    write(from + "/one", "1");
    const std::string path = host.directory() + "/stream";
    const UniqueFd out(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    Packer packer(out.get());
    ASSERT_TRUE(packer.add_target(from + "/one", "."));
    ASSERT_TRUE(packer.finish());
    const auto done = unpacked(sdk::os::read_file(path).value_or(""), "other");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(content("other"), "1");
}

TEST_F(TreeTest, FilesOverFilesAreReplacedAsAWhole)
{
    write(from + "/file", "new");
    write(to + "/file", "old");
    std::filesystem::create_hard_link(to + "/file", to + "/witness");
    expect_unpacks();
    EXPECT_EQ(content("file"), "new");
    EXPECT_EQ(content("witness"), "old") << "nothing is written through what is there";
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(to), {}), 2) << "no temporary file stays";
}

TEST_F(TreeTest, NobodySeesAFileBeforeItIsCompleteAndASignalLeavesNothing)
{
    write(from + "/new", std::string(4 << 20, 'n'));
    write(from + "/old", std::string(4 << 20, 'n'));
    const std::string stream = packed();
    for (const bool over_another : {false, true}) {
        std::filesystem::remove_all(to);
        ASSERT_TRUE(sdk::os::make_private_directory(to));
        if (over_another)
            for (const char* name : {"/new", "/old"})
                write(to + name, "was there");
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        const pid_t child = fork();
        if (child == 0) {
            close(ends[1]);
            const auto root = directory_at(to);
            DescriptorInput input(ends[0]);
            (void)unpack(input, root.get(), ".");
            _exit(0);
        }
        close(ends[0]);
        UniqueFd out(ends[1]);
        // More than a pipe holds: by the end of this the child has written most of the first file.
        ASSERT_TRUE(sdk::os::write_all(out.get(), std::string_view(stream).substr(0, 3 << 20)));
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(to), {}), over_another ? 2 : 0);
        ASSERT_EQ(kill(child, SIGINT), 0);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(WTERMSIG(status), SIGINT);
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(to), {}), over_another ? 2 : 0);
        if (over_another) {
            EXPECT_EQ(content("new") + content("old"), "was therewas there");
        }
    }
}

TEST_F(TreeTest, NothingLeavesTheDirectory)
{
    const std::string outside = host.directory() + "/outside";
    ASSERT_TRUE(sdk::os::make_private_directory(outside));
    write(outside + "/secret", "mine");
    for (const auto& name : {std::string("../outside/x"), outside + "/x", std::string("a/../../outside/x"), std::string("..")}) {
        const auto done = unpacked(Forged().entry(name, S_IFREG | 0644, "x").bytes());
        ASSERT_FALSE(done) << name;
        EXPECT_EQ(done.error().code, Code::invalid) << name;
    }
    // A link that is made first, and then an entry through it.
    Forged through;
    through.entry("way", S_IFLNK | 0777, "", outside.c_str()).entry("way/x", S_IFREG | 0644, "x");
    EXPECT_FALSE(unpacked(through.bytes()));
    // The same with a link that was there already.
    std::filesystem::create_directory_symlink(outside, to + "/there");
    EXPECT_FALSE(unpacked(Forged().entry("there/x", S_IFREG | 0644, "x").bytes()));
    EXPECT_FALSE(unpacked(Forged().entry("there", S_IFDIR | 0777).entry("there/x", S_IFREG | 0644, "x").bytes()));
    // Hard links are made to what is below only.
    EXPECT_FALSE(unpacked(Forged().entry("h", S_IFREG | 0644, "", nullptr, "../outside/secret").bytes()));
    EXPECT_FALSE(unpacked(Forged().entry("h", S_IFREG | 0644, "", nullptr, "there/secret").bytes()));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(outside), {}), 1);
    EXPECT_EQ(sdk::os::read_file(outside + "/secret").value_or(""), "mine");
    EXPECT_EQ(status_of(outside).st_mode & 0777, 0700U);
}

TEST_F(TreeTest, WhatWasNotAskedForIsRefused)
{
    UnpackOptions options;
    options.takes = [](const std::string& name) { return name == "a/file" || name == "same"; };
    write(to + "/secret", "mine");
    EXPECT_TRUE(unpacked(Forged().entry("a/file", S_IFREG | 0644, "x").entry("same", S_IFREG | 0644, "", nullptr, "a/file").bytes(),
                         ".", options));
    EXPECT_EQ(content("same"), "x");
    Forged streams[4];
    streams[0].entry(".git/hooks/new/evil", S_IFREG | 0755, "x");
    streams[1].entry("same", S_IFREG | 0644, "", nullptr, "secret");
    streams[2].entry("a/file", S_IFDIR | 0777);
    streams[3].entry("other", S_IFLNK | 0777, "", "secret");
    for (auto& stream : streams) {
        const auto done = unpacked(stream.bytes(), ".", options);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, Code::invalid);
    }
    EXPECT_EQ(content("same"), "x");
    EXPECT_FALSE(sdk::os::exists(to + "/.git")) << "not even its directories";
}

TEST_F(TreeTest, AFileThatMayNotBeReplacedStays)
{
    UnpackOptions options;
    options.may_replace = [](const std::string& name) { return name != "kept"; };
    write(to + "/kept", "old");
    write(to + "/replaced", "old");
    Forged stream;
    stream.entry("kept", S_IFREG | 0644, "new").entry("replaced", S_IFREG | 0644, "new").entry("made", S_IFREG | 0644, "new");
    for (int twice = 0; twice < 2; ++twice)
        stream.entry("replaced", S_IFREG | 0644, "", nullptr, "made");
    stream.entry("kept", S_IFREG | 0644, "", nullptr, "made");
    const auto done = unpacked(stream.bytes(), ".", options);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(content("kept"), "old");
    EXPECT_EQ(content("replaced"), "new");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(to), {}), 3) << "and nothing beside them";
}

TEST_F(TreeTest, AFileThatChangesAfterItWasAskedAboutStays)
{
    UnpackOptions options;
    options.may_replace = [&](const std::string& name) {
        if (name == "written")
            write(to + "/written", "by somebody else");
        if (name == "saved") {  // as editors do it
            write(to + "/saved~", "another");
            std::filesystem::rename(to + "/saved~", to + "/saved");
        }
        if (name == "removed")
            std::filesystem::remove(to + "/removed");
        return true;
    };
    Forged stream;
    for (const char* name : {"written", "saved", "removed", "left alone"}) {
        write(to + "/" + name, "old");
        stream.entry(name, S_IFREG | 0644, "new");
    }
    const auto done = unpacked(stream.bytes(), ".", options);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(content("written"), "by somebody else");
    EXPECT_EQ(content("saved"), "another");
    EXPECT_FALSE(sdk::os::exists(to + "/removed"));
    EXPECT_EQ(content("left alone"), "new");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(to), {}), 3) << "and nothing beside them";
}

TEST_F(TreeTest, SetIdBitsAreDroppedAndDevicesRefused)
{
    const auto done = unpacked(Forged().entry("tool", S_IFREG | 06755, "x").bytes());
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(status_of(to + "/tool").st_mode & 07777, 0755U);
    const auto device = unpacked(Forged().entry("null", S_IFCHR | 0666).bytes());
    ASSERT_FALSE(device);
    EXPECT_THAT(device.error().message, HasSubstr("null"));
}

TEST_F(TreeTest, WhatIsInTheWayStaysUnlessToldOtherwise)
{
    std::filesystem::create_directories(to + "/file/below");
    write(to + "/dir", "a file");
    const std::string stream =
        Forged().entry("file", S_IFREG | 0644, "f").entry("dir", S_IFDIR | 0755).entry("dir/x", S_IFREG | 0644, "x").bytes();
    const auto refused = unpacked(stream);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::exists);
    EXPECT_TRUE(sdk::os::exists(to + "/file/below"));
    UnpackOptions options;
    options.replace = true;
    const auto done = unpacked(stream, ".", options);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(content("file"), "f");
    EXPECT_EQ(content("dir/x"), "x");
}

TEST_F(TreeTest, AStreamThatEndsInTheMiddleIsNoStream)
{
    write(from + "/a", std::string(5000, 'a'));
    write(from + "/b", std::string(5000, 'b'));
    const std::string whole = packed();
    std::string cut = whole.substr(0, whole.size() - 1);
    for (std::size_t length : {std::size_t{0}, std::size_t{100}, std::size_t{512}, std::size_t{1024}, std::size_t{4000},
                               std::size_t{6656}, std::size_t{10000}}) {
        ASSERT_LT(length, whole.size());
        const auto done = unpacked(whole.substr(0, length));
        ASSERT_FALSE(done) << length;
        EXPECT_EQ(done.error().code, Code::corrupt) << length;
    }
    std::filesystem::remove_all(to + "/a");
    (void)unpacked(whole.substr(0, 3000));
    EXPECT_FALSE(sdk::os::exists(to + "/a")) << "no half file";
    EXPECT_FALSE(unpacked("this is no archive at all, whatever it is"));
}

TEST_F(TreeTest, APackerThatDidNotFinishLeavesNoEnd)
{
    write(from + "/a", "a");
    const std::string path = host.directory() + "/stream";
    {
        const UniqueFd out(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        Packer packer(out.get());
        const auto root = directory_at(from);
        ASSERT_TRUE(packer.add_tree(root.get(), ".", "."));
    }
    EXPECT_FALSE(unpacked(sdk::os::read_file(path).value_or("")));
}

TEST_F(TreeTest, AReaderThatLeavesEndsThePacking)
{
    signal(SIGPIPE, SIG_IGN);
    write(from + "/a", std::string(4 << 20, 'a'));
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    const UniqueFd out(ends[1]);
    Packer packer(out.get());
    const auto root = directory_at(from);
    const auto added = packer.add_tree(root.get(), ".", ".");
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, Code::cancelled);
}

TEST_F(TreeTest, RemovesBeneathOnly)
{
    const std::string outside = host.directory() + "/outside";
    ASSERT_TRUE(sdk::os::make_private_directory(outside));
    write(outside + "/kept", "k");
    std::filesystem::create_directories(to + "/a/b");
    write(to + "/a/b/f", "f");
    std::filesystem::create_directory_symlink(outside, to + "/link");
    const auto root = directory_at(to);
    EXPECT_TRUE(remove_beneath(root.get(), "a/b/f"));
    EXPECT_TRUE(remove_beneath(root.get(), "a"));
    EXPECT_TRUE(remove_beneath(root.get(), "a/gone"));
    EXPECT_TRUE(remove_beneath(root.get(), "link/kept")) << "it is not there: a link is not followed";
    EXPECT_TRUE(remove_beneath(root.get(), "link"));
    for (const char* name : {"..", ".", "/etc", "a/../..", ""})
        EXPECT_FALSE(remove_beneath(root.get(), name)) << name;
    EXPECT_TRUE(std::filesystem::is_empty(to));
    EXPECT_EQ(sdk::os::read_file(outside + "/kept").value_or(""), "k");
}

TEST_F(TreeTest, TargetsAreThoseOfCp)
{
    std::filesystem::create_directory(to + "/dir");
    const auto expect = [&](const std::string& destination, const std::string& directory, const std::string& leaf) {
        const auto target = target_of(destination, "base");
        ASSERT_TRUE(target) << destination;
        EXPECT_EQ(target->directory, directory);
        EXPECT_EQ(target->leaf, leaf);
    };
    expect(to + "/dir", to + "/dir", "base");
    expect(to + "/dir/", to + "/dir/", "base");
    expect(to + "/new", to, "new");
    expect("/new", "/", "new");
    expect("new", ".", "new");
    for (const auto& nowhere : {to + "/new/", to + "/no/where", std::string()}) {
        const auto target = target_of(nowhere, "base");
        ASSERT_FALSE(target) << nowhere;
        EXPECT_EQ(target.error().code, Code::not_found);
    }
}

}  // namespace
}  // namespace banger::tree
