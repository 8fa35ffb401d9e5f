// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "overlay.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;

// A name that would do harm if it ever became part of a command.
constexpr const char* evil = "/etc/x y'$(touch pwned)`;\"";

Customization everything()
{
    Customization customize;
    customize.files[evil] = {"content\n", 0640};
    customize.links["/sbin/init"] = "/lib/systemd/systemd";
    customize.remove = {"/gone", "/name with 'quotes'", "/missing"};
    customize.prune["/doc"] = {"copyright"};
    return customize;
}

class OverlayTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const { return host.directory() + "/" + name; }
    static sdk::Result<os::Output> run(std::vector<std::string> argv)
    {
        os::Command command;
        command.argv = std::move(argv);
        return os::run_checked(std::move(command));
    }
    sdk::testing::FakeHost host;
};

TEST_F(OverlayTest, TheSameInputGivesTheSameBytes)
{
    const std::chrono::sys_seconds time{std::chrono::seconds(1234567890)};
    ASSERT_TRUE(write_overlay(everything(), time, path("a.tar")));
    ASSERT_TRUE(write_overlay(everything(), time, path("b.tar")));
    EXPECT_EQ(*os::read_file(path("a.tar")), *os::read_file(path("b.tar")));
}

TEST_F(OverlayTest, EntriesAreRootsAndOfTheGivenTime)
{
    ASSERT_TRUE(write_overlay(everything(), std::chrono::sys_seconds{std::chrono::seconds(1234567890)}, path("a.tar")));
    archive* reader = archive_read_new();
    archive_read_support_format_tar(reader);
    ASSERT_EQ(archive_read_open_filename(reader, path("a.tar").c_str(), 10240), ARCHIVE_OK);
    archive_entry* entry = nullptr;
    std::map<std::string, mode_t> found;
    while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
        found[archive_entry_pathname(entry)] = archive_entry_perm(entry);
        EXPECT_EQ(archive_entry_uid(entry), 0);
        EXPECT_EQ(archive_entry_gid(entry), 0);
        EXPECT_EQ(archive_entry_mtime(entry), 1234567890);
    }
    archive_read_free(reader);
    EXPECT_EQ(found.at("." + std::string(evil)), 0640U);
    EXPECT_TRUE(found.contains("./sbin/init"));
    EXPECT_EQ(found.size(), 4U);  // and two lists
}

TEST_F(OverlayTest, NamesFromRecipesNeverReachACommand)
{
    for (const auto& argument : mmdebstrap_hooks(everything(), "overlay.tar"))
        for (const char* word : {"pwned", "quotes", "doc", "init"})
            EXPECT_EQ(argument.find(word), std::string::npos) << argument;
    EXPECT_EQ(mmdebstrap_hooks({}, "overlay.tar").size(), 2U) << "nothing to remove needs no shell in the image";
}

// The hook that removes, run for real on a directory instead of a root.
TEST_F(OverlayTest, TheHookRemovesWhatTheListsSay)
{
    auto customize = everything();
    for (auto& name : customize.remove)
        name.insert(0, path("root"));
    customize.prune = {{path("root/doc"), {"copyright"}}};
    for (const char* name : {"root/gone/below", "root/name with 'quotes'", "root/doc/a/copyright", "root/doc/a/readme",
                             "root/doc/changes", "root/kept"}) {
        ASSERT_TRUE(os::make_directories(path(name).substr(0, path(name).rfind('/'))));
        ASSERT_TRUE(os::write_file_atomic(path(name), "x"));
    }
    ASSERT_TRUE(write_overlay(customize, {}, path("a.tar")));
    ASSERT_TRUE(run({"tar", "-C", path("root"), "-xf", path("a.tar"), "--no-same-owner"}));
    auto script = mmdebstrap_hooks(customize, "a.tar").at(1);
    script.erase(0, script.find('=') + 1);
    for (auto at = script.find("/.banger-lists"); at != std::string::npos;
         at = script.find("/.banger-lists", at + path("root").size() + 1))
        script.insert(at, path("root"));
    const auto done = run({"sh", "-c", script});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(*os::list_directory(path("root")), (std::vector<std::string>{"doc", "etc", "kept", "sbin"}));
    EXPECT_EQ(*os::list_directory(path("root/doc")), std::vector<std::string>{"a"});
    EXPECT_EQ(*os::list_directory(path("root/doc/a")), std::vector<std::string>{"copyright"});
}

}  // namespace
}  // namespace banger::debian
