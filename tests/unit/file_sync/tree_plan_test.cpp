// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tree_plan.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "host_files.hpp"
#include "tests/bound_by_permissions.hpp"

namespace banger::file_sync {
namespace {

using sdk::GuestEntry;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TreePlan : public HostFiles {
protected:
    Plan planned(const std::string& host, const std::string& guest, std::optional<std::uint32_t> mode = {})
    {
        auto made = plan({host, guest, mode}, home(), call_);
        EXPECT_TRUE(made) << made.error().message;
        return made ? std::move(*made) : Plan{};
    }

    // "d 755 /root/x", "f 644 /root/x/a", "l /root/x/b -> a"
    static std::vector<std::string> shown(const Plan& plan)
    {
        std::vector<std::string> lines;
        for (const auto& item : plan.items) {
            char mode[8];
            std::snprintf(mode, sizeof mode, "%o", item.mode);
            lines.push_back(item.type == GuestEntry::Type::link
                                ? "l " + item.guest + " -> " + item.target
                                : std::string(item.type == GuestEntry::Type::file ? "f " : "d ") + mode + " " +
                                      item.guest);
        }
        return lines;
    }
};

TEST_F(TreePlan, AFileGetsTheDefaultModeOrItsOwn)
{
    file(".netrc", "12345", 0644);
    const auto by_default = planned("~/.netrc", "/root/.netrc");
    EXPECT_THAT(shown(by_default), ElementsAre("f 600 /root/.netrc"));
    EXPECT_EQ(by_default.items[0].size, 5U);
    EXPECT_THAT(by_default.warnings, IsEmpty());
    EXPECT_THAT(shown(planned(path(".netrc"), "/root/other", 0640)), ElementsAre("f 640 /root/other"));
}

TEST_F(TreePlan, ADirectoryKeepsItsModesAndItsOrder)
{
    directory("dots", 0750);
    file("dots/b", "x", 0644);
    file("dots/run", "x", 0755);
    directory("dots/a", 0700);
    file("dots/a/secret", "x", 0600);
    directory("dots/empty", 0711);
    EXPECT_THAT(shown(planned("~/dots", "/root/.config")),
                ElementsAre("d 750 /root/.config", "d 700 /root/.config/a", "f 644 /root/.config/b",
                            "d 711 /root/.config/empty", "f 755 /root/.config/run", "f 600 /root/.config/a/secret"));
    EXPECT_THAT(shown(planned("~/dots/", "/root", 0440)),
                ElementsAre("d 750 /root", "d 700 /root/a", "f 440 /root/b", "d 711 /root/empty", "f 440 /root/run",
                            "f 440 /root/a/secret"))
        << "a mode that is given is for files";
}

TEST_F(TreePlan, SetIdBitsStayOnTheHost)
{
    file("dots/tool", "x", 06755);
    EXPECT_THAT(shown(planned("~/dots", "/root/dots")), ElementsAre("d 755 /root/dots", "f 755 /root/dots/tool"));
}

TEST_F(TreePlan, ALinkInsideStaysALinkToTheSamePlace)
{
    file("dots/a/file");
    link("dots/plain", "a/file");
    link("dots/a/up", "../plain");
    link("dots/absolute", path("dots/a"));
    link("dots/a/absolute", path("dots/plain"));
    link("dots/around", "../dots/a/file");
    link("dots/dangling", "a/none");
    link("dots/ring", "ring");
    link("dots/self", ".");
    EXPECT_THAT(shown(planned("~/dots", "/root/d")),
                ElementsAre("d 755 /root/d", "d 755 /root/d/a", "l /root/d/absolute -> a", "l /root/d/around -> a/file",
                            "l /root/d/dangling -> a/none", "l /root/d/plain -> a/file", "l /root/d/ring -> ring",
                            "l /root/d/self -> .", "l /root/d/a/absolute -> file", "f 644 /root/d/a/file",
                            "l /root/d/a/up -> ../plain"))
        << "an absolute one is followed to what it leads to in the end";
}

TEST_F(TreePlan, ALinkThatLeadsOutsideIsLeftOutAndNamed)
{
    file("secret");
    file("other/file");
    file("dots/kept");
    link("dots/relative", "../secret");
    link("dots/absolute", "/etc/passwd");
    link("dots/directory", path("other"));
    link("dots/near", path("dots2"));  // begins like the directory, and is another
    link("dots/hop", "relative");
    const auto made = planned("~/dots", "/root/d");
    EXPECT_THAT(shown(made), ElementsAre("d 755 /root/d", "f 644 /root/d/kept"));
    const std::string out = ": it is a link that leads out of '" + path("dots") + "', to '";
    EXPECT_THAT(made.warnings, ElementsAre("'" + path("dots/absolute") + "' is left out" + out + "/etc/passwd'",
                                           "'" + path("dots/directory") + "' is left out" + out + path("other") + "'",
                                           "'" + path("dots/hop") + "' is left out" + out + "relative'",
                                           "'" + path("dots/near") + "' is left out" + out + path("dots2") + "'",
                                           "'" + path("dots/relative") + "' is left out" + out + "../secret'"));
}

TEST_F(TreePlan, TheNamedPathItselfMayBeALink)
{
    file("repo/vimrc", "set nocp", 0644);
    file("repo/nvim/init.lua");
    link(".vimrc", "repo/vimrc");
    link(".config/nvim", path("repo/nvim"));
    const auto one = planned("~/.vimrc", "/root/.vimrc");
    EXPECT_THAT(shown(one), ElementsAre("f 600 /root/.vimrc"));
    EXPECT_TRUE(open_source(one, one.items[0]));
    EXPECT_THAT(shown(planned("~/.config/nvim", "/root/.config/nvim")),
                ElementsAre("d 755 /root/.config/nvim", "f 644 /root/.config/nvim/init.lua"));
}

TEST_F(TreePlan, WhatIsNotThereIsAWarning)
{
    link("dangling", "nothing");
    file("file");
    for (const char* host : {"~/none", "~/dangling", "~/file/below"}) {
        const auto made = planned(host, "/root/x");
        EXPECT_THAT(made.items, IsEmpty());
        EXPECT_THAT(made.warnings,
                    ElementsAre("'" + std::string(host) + "' is not there: nothing goes to '/root/x'"));
    }
}

TEST_F(TreePlan, SocketsAndPipesAreLeftOut)
{
    file("dots/kept");
    ASSERT_EQ(::mkfifo(path("dots/pipe").c_str(), 0600), 0);
    ASSERT_EQ(::mknod(path("dots/socket").c_str(), S_IFSOCK | 0600, 0), 0);
    const auto made = planned("~/dots", "/root/d");
    EXPECT_THAT(shown(made), ElementsAre("d 755 /root/d", "f 644 /root/d/kept"));
    EXPECT_THAT(made.warnings, ElementsAre("'" + path("dots/pipe") + "' is left out: it is a named pipe",
                                           "'" + path("dots/socket") + "' is left out: it is a socket"));
    const auto named = plan({"~/dots/pipe", "/root/pipe", {}}, home(), call_);
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, sdk::Code::invalid);
    EXPECT_THAT(named.error().message, HasSubstr("but a named pipe"));
    const auto device = plan({"/dev/null", "/root/null", {}}, home(), call_);
    ASSERT_FALSE(device);
    EXPECT_THAT(device.error().message, HasSubstr("but a device"));
}

TEST_F(TreePlan, NamesMayHaveAnyByte)
{
    const std::string odd = "a \n\"'\\\xff";
    file("dots/" + odd);
    EXPECT_THAT(shown(planned("~/dots", "/root/d")), ElementsAre("d 755 /root/d", "f 644 /root/d/" + odd));
}

TEST_F(TreePlan, WhatMayNotBeReadIsAnError)
{
    const banger::test::BoundByPermissions bound;
    file("dots/closed/file");
    directory("dots/closed", 0);
    const auto tree = plan({"~/dots", "/root/d", {}}, home(), call_);
    const auto below = plan({"~/dots/closed/file", "/root/f", {}}, home(), call_);
    directory("dots/closed", 0700);
    for (const auto& made : {tree, below}) {
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, sdk::Code::permission);
        EXPECT_THAT(made.error().message, HasSubstr(path("dots/closed")));
    }
}

TEST_F(TreePlan, ATreeDeeperThanDescriptorsGo)
{
    constexpr int depth = 200;
    std::string deep = "dots";
    for (int i = 0; i < depth; ++i)
        deep += "/d";
    file(deep + "/file");
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit few{depth / 4, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto made = planned("~/dots", "/root/d");
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_EQ(made.items.size(), depth + 2U);
    EXPECT_TRUE(open_source(made, made.items.back()));
}

TEST_F(TreePlan, ACancelledCallEndsTheWalk)
{
    file("dots/file");
    call_.cancel();
    const auto made = plan({"~/dots", "/root/d", {}}, home(), call_);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, sdk::Code::cancelled);
}

TEST_F(TreePlan, ALinkThatTakesAPlaceLaterIsNotFollowed)
{
    file("secret", "secret");
    file("dots/a/file");
    file("dots/other");
    const auto made = planned("~/dots", "/root/d");
    std::filesystem::remove_all(path("dots/a"));
    link("dots/a", home());
    file("file", "secret");
    std::filesystem::remove(path("dots/other"));
    link("dots/other", path("secret"));
    for (const auto& item : made.items) {
        if (item.type == GuestEntry::Type::file) {
            EXPECT_FALSE(open_source(made, item)) << item.guest;
        }
    }
}

TEST_F(TreePlan, AFileThatVanishedIsNotFound)
{
    file("dots/file");
    const auto made = planned("~/dots", "/root/d");
    std::filesystem::remove(path("dots/file"));
    EXPECT_EQ(open_source(made, made.items[1]).error().code, sdk::Code::not_found);
    ASSERT_EQ(::mkfifo(path("dots/file").c_str(), 0600), 0);
    EXPECT_EQ(open_source(made, made.items[1]).error().code, sdk::Code::invalid) << "and does not wait for a writer";
}

}  // namespace
}  // namespace banger::file_sync
