// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tar_import_test.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdlib>
#include <thread>

namespace banger::images {
namespace {

using namespace testing;

TEST_F(TarImport, TakesEveryKindOfEntry)
{
    TarBuilder tar;
    tar.directory("./", 0751).directory("./etc/").file("./etc/hosts", "127.0.0.1\n").symlink("./bin", "/usr/bin");
    tar.hard_link("./etc/same", "./etc/hosts").add({.name = "./dev2/null", .type = '3', .major = 1, .minor = 3});
    tar.add({.name = "./dev2/sda", .type = '4', .major = 8}).add({.name = "./pipe", .type = '6'});
    const auto outcome = import(tar.bytes());
    ASSERT_EQ(why(outcome), "");
    EXPECT_EQ(outcome->total.entries, 8U);
    EXPECT_EQ(outcome->total.content_bytes, 10U);
    EXPECT_EQ(content_of(root, "etc/same"), "127.0.0.1\n");
    EXPECT_EQ(root.kind_of("bin"), FileKind::symlink) << "an absolute target is legal";
    EXPECT_EQ(root.kind_of("dev2/null"), FileKind::character_device);
    EXPECT_EQ(root.kind_of("dev2/sda"), FileKind::block_device);
    EXPECT_EQ(root.kind_of("pipe"), FileKind::fifo);
    finish_clean();
    EXPECT_NE(debugfs(dir / "root", "stat /").find("Mode:  0751"), std::string::npos);
}

TEST_F(TarImport, SplitsTheHomeOfRootOff)
{
    TarBuilder tar;
    tar.directory("root/", 0710).file("root/.bashrc", "rc").directory("root/.ssh", 0700).file("rootless", "outside");
    tar.hard_link("outside", "root/.bashrc").hard_link("root/inside", "rootless").hard_link("root/rc", "root/.bashrc");
    ASSERT_EQ(why(import(tar.bytes())), "");
    EXPECT_EQ(content_of(work, ".bashrc"), "rc");
    EXPECT_EQ(content_of(work, "rc"), "rc");
    EXPECT_EQ(work.kind_of(".ssh"), FileKind::directory);
    EXPECT_EQ(content_of(work, "inside"), "outside") << "a link between the disks is a copy";
    EXPECT_EQ(content_of(root, "outside"), "rc");
    EXPECT_EQ(root.kind_of("root"), FileKind::directory);
    EXPECT_FALSE(root.kind_of("root/.bashrc"));
    EXPECT_EQ(content_of(root, "rootless"), "outside");
    finish_clean();
    EXPECT_NE(debugfs(dir / "work", "stat /").find("Mode:  0710"), std::string::npos);
    EXPECT_NE(debugfs(dir / "root", "stat /root").find("Mode:  0710"), std::string::npos);
}

TEST_F(TarImport, MakesAHomeForRootWhereThereIsNone)
{
    ASSERT_EQ(why(import(TarBuilder().file("file", "x").bytes())), "");
    EXPECT_EQ(root.kind_of("root"), FileKind::directory);
    finish_clean();
    EXPECT_NE(debugfs(dir / "work", "stat /").find("Mode:  0700"), std::string::npos);
}

TEST_F(TarImport, TheHomeOfRootMayBeALinkToADirectory)
{
    for (const std::string target : {"var/roothome", "/var/roothome"}) {
        ::unlink((dir / "r").c_str());
        ::unlink((dir / "w").c_str());
        auto to_root = make_writer(dir / "r");
        auto to_work = make_writer(dir / "w");
        TarBuilder tar;
        tar.symlink("root", target).directory("var").directory("var/roothome", 0750).file("var/roothome/.bashrc", "rc");
        tar.file("var/roothomes", "another").hard_link("usr/rc", "var/roothome/.bashrc");
        const auto fd = file_with(tar.bytes());
        ImportPlan plan{to_root};
        plan.work = &to_work;
        plan.filter = pristine_root();
        ASSERT_EQ(why(import_tar(fd.get(), plan)), "");
        EXPECT_EQ(to_root.kind_of("root"), FileKind::symlink);
        EXPECT_EQ(to_root.kind_of("var/roothome"), FileKind::directory);
        EXPECT_TRUE(to_root.is_empty("var/roothome"));
        EXPECT_EQ(content_of(to_root, "usr/rc"), "rc");
        EXPECT_EQ(content_of(to_root, "var/roothomes"), "another");
        EXPECT_EQ(content_of(to_work, ".bashrc"), "rc");
        ASSERT_EQ(why(to_root.finish()), "");
        ASSERT_EQ(why(to_work.finish()), "");
        EXPECT_EQ(complaints(dir / "r"), "");
        EXPECT_EQ(complaints(dir / "w"), "");
        EXPECT_NE(debugfs(dir / "w", "stat /").find("Mode:  0750"), std::string::npos);
    }
}

TEST_F(TarImport, RefusesAHomeOfRootThatTheWorkDiskCannotBeMountedOn)
{
    const auto said = [&](const TarBuilder& tar) {
        ::unlink((dir / "r").c_str());
        ::unlink((dir / "w").c_str());
        auto to_root = make_writer(dir / "r");
        auto to_work = make_writer(dir / "w");
        const auto fd = file_with(tar.bytes());
        ImportPlan plan{to_root};
        plan.work = &to_work;
        plan.filter = pristine_root();
        return why(import_tar(fd.get(), plan));
    };
    for (const auto& tar : {TarBuilder().file("root", "x"), TarBuilder().symlink("root", "../x"), TarBuilder().symlink("root", "/"),
                            TarBuilder().symlink("root", "root"), TarBuilder().symlink("root", "root/x"),
                            TarBuilder().symlink("root", "run/root"), TarBuilder().file("f", "x").symlink("root", "f"),
                            TarBuilder().file("d/x", "x").symlink("root", "d"), TarBuilder().symlink("root", "d").directory("root"),
                            TarBuilder().symlink("root", "d").file("d", "x")})
        EXPECT_TRUE(said(tar).starts_with("unsupported: ")) << said(tar);
    EXPECT_NE(said(TarBuilder().symlink("s", "d").symlink("root", "s/x")), "") << "through another link";
    EXPECT_NE(said(TarBuilder().file("root/x", "x").symlink("root", "d")), "");
}

TEST_F(TarImport, RefusesWhatWouldLeaveTheRoot)
{
    const auto invalid = [&](const TarBuilder& tar, std::string_view part) {
        const auto said = refusal(tar);
        EXPECT_TRUE(said.starts_with("invalid: ")) << said;
        EXPECT_NE(said.find(part), std::string::npos) << said;
    };
    invalid(TarBuilder().file("/etc/passwd", "x"), "is absolute");
    invalid(TarBuilder().file("../up", "x"), "leaves the root");
    invalid(TarBuilder().file("a/../../up", "x"), "leaves the root");
    invalid(TarBuilder().file("a/..", "x"), "leaves the root");
    invalid(TarBuilder().hard_link("link", "../outside"), "leaves the root");
    invalid(TarBuilder().hard_link("link", "/etc/passwd"), "is absolute");
    invalid(TarBuilder().hard_link("link", "nowhere"), "no such file");
    invalid(TarBuilder().directory("d").hard_link("link", "d"), "a directory");
    invalid(TarBuilder().symlink("way", "/etc").file("way/passwd", "x"), "'way' is a symbolic link");
    invalid(TarBuilder().symlink("way", "..").directory("way/d"), "'way' is a symbolic link");
    invalid(TarBuilder().symlink("a", "/").hard_link("b", "a").file("b/x", "x"), "'b' is a symbolic link");
    invalid(TarBuilder().file("file", "x").file("file/below", "x"), "'file' is a file");
    invalid(TarBuilder().file("d/x", "x").file("d", "x"), "not empty");
    invalid(TarBuilder().file("", "x"), "");
    invalid(TarBuilder().file(".", "x"), "root of a file system");
    invalid(TarBuilder().add({.name = "x", .pax = {{"path", std::string(5000, 'p')}}}), "longer than 4095");
    invalid(TarBuilder().add({.name = "x", .pax = {{"uid", "5000000000"}}}), "user id");
    invalid(TarBuilder().symlink("x", ""), "empty target");
}

TEST_F(TarImport, NormalisesHarmlessPaths)
{
    ASSERT_EQ(why(import(TarBuilder().file("././a//b/./c", "x").directory("a/b/").bytes())), "");
    EXPECT_EQ(content_of(root, "a/b/c"), "x");
}

TEST_F(TarImport, KeepsNamesAsBytesInEveryLocale)
{
    const std::vector<std::string> names{
        "e\xcc\x81 decomposed", "\xc3\xa9 composed",   "\xff\xfe no text",     "new\nline",
        "quote\"'\\",           std::string(255, 'n'), "\xe2\x84\xab angstrom"};
    for (const auto* locale : {"C", "C.UTF-8"}) {
        ASSERT_NE(std::setlocale(LC_ALL, locale), nullptr);
        ::unlink((dir / "names").c_str());
        auto writer = make_writer(dir / "names");
        TarBuilder tar;
        for (const auto& name : names) {
            tar.add({.name = "short", .pax = {{"path", "pax/" + name}}});
            tar.add(
                {.name = "short", .type = '2', .link = "short", .pax = {{"path", "link/" + name}, {"linkpath", name}}});
            if (name.size() <= 90)
                tar.file("ustar/" + name, "x");
        }
        const auto fd = file_with(tar.bytes());
        EXPECT_EQ(why(import_tar(fd.get(), ImportPlan{writer})), "");
        for (const auto& name : names) {
            EXPECT_EQ(writer.kind_of("pax/" + name), FileKind::regular) << locale << ": " << name;
            EXPECT_EQ(writer.kind_of("ustar/" + name).has_value(), name.size() <= 90) << locale << ": " << name;
        }
        ASSERT_EQ(why(writer.finish()), "");
        EXPECT_NE(debugfs(dir / "names", "stat \"/link/" + names[0] + "\"").find(names[0]), std::string::npos);
    }
    std::setlocale(LC_ALL, "C");
}

TEST_F(TarImport, FreesImagesOfIdentityAndLeftovers)
{
    TarBuilder tar;
    tar.file("etc/ssh/ssh_host_rsa_key", "private")
        .file("etc/ssh/sshd_config", "c")
        .file("etc/machine-id", "0123\n", 0444);
    tar.file("var/lib/dbus/machine-id", "0123\n");
    for (const std::string name : {"dev", "proc", "sys", "run", "tmp"})
        tar.directory(name, 01777).file(name + "/leftover", "x").directory(name + "/d").file(name + "/d/more", "x");
    tar.file("devices", "kept").file("etc/run", "kept");
    ASSERT_EQ(why(import(tar.bytes(), pristine_root())), "");
    EXPECT_FALSE(root.kind_of("etc/ssh/ssh_host_rsa_key"));
    EXPECT_EQ(content_of(root, "etc/ssh/sshd_config"), "c");
    EXPECT_EQ(content_of(root, "etc/machine-id"), "");
    EXPECT_EQ(root.kind_of("etc/machine-id"), FileKind::regular);
    EXPECT_FALSE(root.kind_of("var/lib/dbus/machine-id"));
    for (const std::string name : {"dev", "proc", "sys", "run", "tmp"}) {
        EXPECT_EQ(root.kind_of(name), FileKind::directory);
        EXPECT_FALSE(root.kind_of(name + "/leftover"));
        EXPECT_FALSE(root.kind_of(name + "/d"));
    }
    EXPECT_TRUE(root.kind_of("devices"));
    EXPECT_TRUE(root.kind_of("etc/run"));
    finish_clean();
}

TEST_F(TarImport, SaysWhenALinkLeadsToWhatIsDropped)
{
    const auto outcome = import(TarBuilder().file("tmp/a", "x").hard_link("usr/b", "tmp/a").bytes(), pristine_root());
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().message.find("which images are freed of"), std::string::npos);
}

TEST_F(TarImport, ALinkToWhatIsDroppedKeepsItsContent)
{
    auto dropped = make_writer(dir / "dropped");
    TarBuilder tar;
    tar.add({.name = "tmp/a", .content = std::string(100'000, 'a'), .mode = 04755, .uid = 7}).hard_link("tmp/b", "tmp/a");
    tar.hard_link("usr/c", "tmp/b").hard_link("root/d", "tmp/a").hard_link("usr/e", "usr/c");
    // What was a file there becomes a directory, and only what is below it is linked.
    tar.file("run/x", "file").directory("run/x").file("run/x/y", "below").file("run/z", "again").hard_link("usr/z", "run/z");
    const auto fd = file_with(tar.bytes());
    ImportPlan plan{root};
    plan.work = &work;
    plan.filter = pristine_root();
    plan.dropped = &dropped;
    ASSERT_EQ(why(import_tar(fd.get(), plan)), "");
    EXPECT_EQ(content_of(root, "usr/c"), std::string(100'000, 'a'));
    EXPECT_EQ(content_of(root, "usr/e"), std::string(100'000, 'a'));
    EXPECT_EQ(content_of(work, "d"), std::string(100'000, 'a'));
    EXPECT_EQ(content_of(root, "usr/z"), "again");
    EXPECT_FALSE(root.kind_of("tmp/a"));
    finish_clean();
    EXPECT_NE(debugfs(dir / "root", "stat /usr/c").find("Mode:  04755"), std::string::npos);
    EXPECT_NE(debugfs(dir / "root", "stat /usr/c").find("Links: 2"), std::string::npos);
}

TEST_F(TarImport, AFilterMayChangeMetadata)
{
    const auto everything_private = [](std::string_view, FileKind, Metadata& metadata) {
        metadata.mode &= 0700U;
        return Verdict::keep;
    };
    ASSERT_EQ(why(import(TarBuilder().file("file", "x", 0644).bytes(), everything_private)), "");
    finish_clean();
    EXPECT_NE(debugfs(dir / "root", "stat /file").find("Mode:  0600"), std::string::npos);
}

TEST_F(TarImport, HandsSmallFilesBackAndLooksForPaths)
{
    captures = {"etc/os-release", "root/note", "missing", "etc"};
    probes = {"etc/os-release", "missing", "link/x", "link", "root/note"};
    TarBuilder tar;
    tar.file("etc/os-release", "ID=old\n")
        .file("etc/os-release", "ID=new\n")
        .file("root/note", "n")
        .symlink("link", "etc");
    const auto outcome = import(tar.bytes());
    ASSERT_EQ(why(outcome), "");
    EXPECT_EQ(outcome->captured,
              (std::map<std::string, std::string>{{"etc/os-release", "ID=new\n"}, {"root/note", "n"}}));
    EXPECT_EQ(outcome->present, (std::set<std::string>{"etc/os-release", "link", "root/note"}));
    EXPECT_EQ(outcome->facts.os_id, "new");
}

TEST_F(TarImport, TellsWhatAnImageIs)
{
    const auto facts_of = [&](const TarBuilder& tar) {
        ::unlink((dir / "facts").c_str());
        auto writer = make_writer(dir / "facts");
        const auto fd = file_with(tar.bytes());
        auto outcome = import_tar(fd.get(), ImportPlan{writer});
        EXPECT_EQ(why(outcome), "");
        return outcome ? outcome->facts : ImageFacts{};
    };
    const auto debian = facts_of(TarBuilder()
                                     .symlink("etc/os-release", "../usr/lib/os-release")
                                     .file("usr/lib/os-release",
                                           "# c\nPRETTY_NAME=\"A \\\"B\\\" 12\"\nID=debian\n"
                                           "ID_LIKE=x\nVERSION_ID='12'\nVERSION=9")
                                     .symlink("lib", "usr/lib")
                                     .file("usr/lib/systemd/systemd", "x")
                                     .file("usr/sbin/sshd", "x")
                                     .file("usr/bin/git", "x")
                                     .symlink("usr/bin/sh", "dash"));
    EXPECT_EQ(debian.os_id, "debian");
    EXPECT_EQ(debian.os_version, "12");
    EXPECT_EQ(debian.os_pretty_name, "A \"B\" 12");
    EXPECT_EQ(debian.init, InitKind::systemd);
    EXPECT_TRUE(debian.has_sshd && debian.has_git && debian.has_shell);

    EXPECT_EQ(facts_of(TarBuilder().file("sbin/openrc", "x").symlink("sbin/init", "/bin/busybox")).init,
              InitKind::openrc);
    EXPECT_EQ(facts_of(TarBuilder().symlink("sbin/init", "/bin/busybox").file("etc/inittab", "x")).init,
              InitKind::none);
    EXPECT_EQ(facts_of(TarBuilder().file("init", "x").directory("package/admin/s6-overlay")).init, InitKind::s6);
    EXPECT_EQ(facts_of(TarBuilder().file("init", "x")).init, InitKind::none);
    const auto bare = facts_of(TarBuilder().file("app", "x"));
    EXPECT_EQ(bare.os_id, "linux");
    EXPECT_FALSE(bare.has_sshd || bare.has_git || bare.has_shell);
}

TEST_F(TarImport, StopsAtItsLimitsAndNamesTheSetting)
{
    TarBuilder tar;
    tar.file(".wh..wh..layer", "sha256:lowest").file("one", "1").directory("d").file("d/two", "22");
    limits = {3, 3};
    EXPECT_EQ(why(import(tar.bytes())), "");
    limits = {2, 3};
    auto entries = import(tar.bytes());
    ASSERT_FALSE(entries);
    EXPECT_EQ(entries.error().code, sdk::Code::invalid);
    EXPECT_NE(entries.error().hint.find("images.most_entries"), std::string::npos);
    EXPECT_EQ(entries.error().during.front(), "take 'd/two'");
    EXPECT_EQ(entries.error().during.back(), "read layer 1 (sha256:lowest)");
    limits = {3, 2};
    auto bytes = import(tar.bytes());
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, sdk::Code::invalid);
    EXPECT_NE(bytes.error().hint.find("images.most_bytes"), std::string::npos);
}

TEST_F(TarImport, CountsWhatWasReplacedAndHolesToo)
{
    limits.content_bytes = 10;
    TarBuilder again;
    again.file("same", "123456").file("same", "123456");
    EXPECT_NE(why(import(again.bytes())), "");
    TarBuilder linked;
    linked.file("first", "123456").hard_link("second", "first").hard_link("third", "first");
    EXPECT_EQ(why(import(linked.bytes())), "");
}

TEST_F(TarImport, TakesDirectoriesAsDeepAsAPathMayBeLong)
{
    TarBuilder deep;
    std::string path;
    while (path.size() + 2 <= 4095) {
        path += path.empty() ? "d" : "/d";
        deep.add({.name = "d", .type = '5', .pax = {{"path", path}}});
    }
    EXPECT_EQ(why(import(deep.bytes())), "");
    TarBuilder deeper;
    std::string longer;
    for (int level = 0; level < 100'000; ++level)
        longer += "d/";
    deeper.add({.name = "d", .type = '5', .pax = {{"path", longer}}});
    EXPECT_NE(refusal(deeper).find("4095"), std::string::npos);
    TarBuilder huge;
    huge.add({.name = "f", .pax = {{"comment", std::string(64U << 20, 'c')}}});
    EXPECT_NE(refusal(huge), "") << "a header of 64 MiB";
}

TEST_F(TarImport, SaysThatAnArchiveIsDamaged)
{
    const auto whole = TarBuilder().file("file", std::string(100000, 'x')).bytes();
    const auto said = [&](const std::string& bytes) {
        ::unlink((dir / "damaged").c_str());
        auto writer = make_writer(dir / "damaged");
        const auto fd = file_with(bytes);
        return why(import_tar(fd.get(), ImportPlan{writer}));
    };
    EXPECT_TRUE(said(whole.substr(0, 50000)).starts_with("corrupt: "));
    EXPECT_TRUE(said(whole.substr(0, 300)).starts_with("corrupt: "));
    EXPECT_TRUE(said(std::string(2000, 'y')).starts_with("corrupt: "));
    auto flipped = whole;
    flipped[10] ^= 1;
    EXPECT_TRUE(said(flipped).starts_with("corrupt: "));
}

TEST_F(TarImport, ReadsCompressedArchives)
{
    const auto whole = TarBuilder().file("file", std::string(100000, 'x')).bytes();
    for (const auto* program : {"gzip", "xz", "zstd"}) {
        const auto path = dir / program;
        {
            const auto fd = file_with(whole);
            const auto command =
                std::string(program) + " -c < /proc/self/fd/" + std::to_string(fd.get()) + " > " + path;
            ::fcntl(fd.get(), F_SETFD, 0);
            if (std::system(command.c_str()) != 0)
                continue;  // this machine has no such program
        }
        auto writer = make_writer(path + ".disk");
        const sdk::os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        EXPECT_EQ(why(import_tar(fd.get(), ImportPlan{writer})), "") << program;
        EXPECT_EQ(content_of(writer, "file").size(), 100000U) << program;
        const auto bytes = read_whole(path);
        ::unlink((path + ".disk").c_str());
        auto second = make_writer(path + ".disk");
        const auto half = file_with(std::string_view(bytes).substr(0, bytes.size() / 2));
        EXPECT_FALSE(import_tar(half.get(), ImportPlan{second})) << program;
    }
}

TEST_F(TarImport, ReadsAPipeToItsEnd)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const sdk::os::UniqueFd reader(ends[0]);
    sdk::os::UniqueFd writer(ends[1]);
    // More behind the end of the archive than a pipe holds: who writes it must not be left with a broken pipe.
    const auto bytes = TarBuilder().file("file", "x").bytes() + std::string(4U << 20, '\0');
    bool all = false;
    std::jthread source([&] {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const auto count = ::write(writer.get(), bytes.data() + done, bytes.size() - done);
            if (count <= 0)
                break;
            done += static_cast<std::size_t>(count);
        }
        all = done == bytes.size();
        writer.reset();
    });
    EXPECT_EQ(why(import_tar(reader.get(), ImportPlan{root})), "");
    source.join();
    EXPECT_TRUE(all);
}

TEST_F(TarImport, TellsItsProgressAndStopsWhenAsked)
{
    TarBuilder tar;
    for (int i = 0; i < 20; ++i)
        tar.file("file-" + std::to_string(i), std::string(1U << 20, 'x'));
    const auto fd = file_with(tar.bytes());
    ImportPlan plan{root};
    std::vector<std::uint64_t> told;
    plan.progress = [&](const ImportProgress& progress) { told.push_back(progress.content_bytes); };
    ASSERT_EQ(why(import_tar(fd.get(), plan)), "");
    EXPECT_GE(told.size(), 5U);
    EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
    EXPECT_EQ(told.back(), 20U << 20);

    for (int allowed = 0; allowed < 60; allowed += 7) {
        ASSERT_EQ(::lseek(fd.get(), 0, SEEK_SET), 0);
        ::unlink((dir / "cancelled").c_str());
        auto writer = make_writer(dir / "cancelled");
        ImportPlan stopped{writer};
        int left = allowed;
        stopped.cancelled = [&left] { return left-- <= 0; };
        const auto outcome = import_tar(fd.get(), stopped);
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code, sdk::Code::cancelled);
    }
}

TEST_F(TarImport, TakesFilesLongerThanFourGiB)
{
    // As GNU tar writes a file with a hole of 9 GiB ("PAX Format, Version 1.0" of its manual).
    const std::uint64_t size = 9ULL << 30;
    std::string content = "2\n0\n4\n" + std::to_string(size - 4) + "\n4\n";
    content.resize(512);
    content += "headtail";
    TarBuilder tar;
    tar.add({.name = "GNUSparseFile.1/big",
             .content = content,
             .pax = {{"GNU.sparse.major", "1"},
                     {"GNU.sparse.minor", "0"},
                     {"GNU.sparse.name", "big"},
                     {"GNU.sparse.realsize", std::to_string(size)}}});
    tar.hard_link("root/big", "big").file("after", "x");
    limits.content_bytes = size;
    EXPECT_NE(why(import(tar.bytes())), "") << "holes count";
    limits.content_bytes = size + 1;
    ASSERT_EQ(why(import(tar.bytes())), "");
    EXPECT_EQ(content_of(root, "after"), "x");
    EXPECT_EQ(root.read_file("big", 6)->value_or(""), std::string("head\0\0", 6));
    finish_clean();
    for (const char* disk : {"root", "work"}) {
        EXPECT_NE(debugfs(dir / disk, "stat /big").find("Size: " + std::to_string(size)), std::string::npos) << disk;
        EXPECT_EQ(block_of(dir / disk, "/big", size / 4096 - 1).substr(4092), "tail") << disk;
    }
}

TEST_F(TarImport, TakesAccessControlListsOfPax)
{
    TarBuilder tar;
    tar.add({.name = "file",
             .mode = 0640,
             .pax = {{"SCHILY.acl.access", "user::rw-,user:7:rwx,group::r--,mask::rwx,other::---"}}});
    tar.add(
        {.name = "capable",
         .pax = {{"SCHILY.xattr.security.capability", std::string("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)},
                 {"SCHILY.xattr.com.apple.quarantine", "dropped"}}});
    ASSERT_EQ(why(import(tar.bytes())), "");
    finish_clean();
    EXPECT_NE(debugfs(dir / "root", "stat /file").find("Mode:  0670"), std::string::npos)
        << "the group bits are the mask";
    EXPECT_NE(debugfs(dir / "root", "ea_list /file").find("system.posix_acl_access"), std::string::npos);
    EXPECT_NE(debugfs(dir / "root", "ea_list /capable").find("security.capability (20)"), std::string::npos);
    EXPECT_EQ(debugfs(dir / "root", "ea_list /capable").find("apple"), std::string::npos);
}

}  // namespace
}  // namespace banger::images
