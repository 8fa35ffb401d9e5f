// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_sync.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/testing/fake_guest.hpp"
#include "host_files.hpp"
#include "tests/bound_by_permissions.hpp"

namespace banger::file_sync {
namespace {

using sdk::testing::FakeGuest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class FileSyncTest : public HostFiles {
protected:
    sdk::Result<void> apply(std::vector<Entry> files)
    {
        Config config;
        config.files = std::move(files);
        return make_file_sync(std::move(config), home())->apply({{}, "web", {}}, guest_, call_);
    }

    FakeGuest guest_;
};

TEST(FileSyncConfig, IsRead)
{
    const auto config = read_config(R"({"files":[{"host":"~/a","guest":"/root/a"},)"
                                    R"({"host":"/b","guest":"/root","mode":"0640"}],"git_identity":false})");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_FALSE(config->git_identity);
    ASSERT_EQ(config->files.size(), 2U);
    EXPECT_EQ(config->files[0].host, "~/a");
    EXPECT_FALSE(config->files[0].mode);
    EXPECT_EQ(config->files[1].guest, "/root");
    EXPECT_EQ(config->files[1].mode, 0640U);
    EXPECT_TRUE(read_config("{}")->git_identity);
}

TEST(FileSyncConfig, NothingLeavesTheHomeOfTheGuest)
{
    for (const std::string guest : {"/etc/x", "/rooty", "root/x", "/root/../etc/x", "/root/a/..", ""})
        EXPECT_FALSE(read_config(R"({"files":[{"host":"/a","guest":")" + guest + R"("}]})")) << guest;
    EXPECT_TRUE(read_config(R"({"files":[{"host":"/a","guest":"/root/..a/b.."}]})"));
    EXPECT_FALSE(read_config(R"({"files":[{"guest":"/root/a"}]})"));
    EXPECT_FALSE(read_config(R"({"files":[{"host":"/a","guest":"/root/a","mode":"4755"}]})"));
    EXPECT_FALSE(read_config("[]"));
}

TEST_F(FileSyncTest, FilesDirectoriesAndLinksArrive)
{
    file(".netrc", "machine x");
    file("dots/bin/run", "#!/bin/sh", 0755);
    link("dots/run", "bin/run");
    ASSERT_TRUE(apply({{"~/.netrc", "/root/.netrc", {}}, {"~/dots", "/root/d", {}}}));
    EXPECT_THAT(guest_.files(), ElementsAre(Pair("/root/.netrc", Pair("machine x", 0600U)),
                                            Pair("/root/d/bin/run", Pair("#!/bin/sh", 0755U))));
    EXPECT_THAT(guest_.links(), ElementsAre(Pair("/root/d/run", "bin/run")));
    EXPECT_EQ(guest_.directories().at("/root/d/bin"), 0755U);
    EXPECT_EQ(guest_.directories().at("/root"), 0700U) << "a directory that was there is left alone";
    EXPECT_THAT(call_.warnings(), IsEmpty());
    ASSERT_FALSE(call_.told().empty());
    EXPECT_EQ(call_.told().back().done, call_.told().back().total);
    EXPECT_EQ(call_.told().back().total, 18U);
}

TEST_F(FileSyncTest, LaterEntriesOverEarlierOnes)
{
    file("one", "1");
    file("dots/x", "2");
    ASSERT_TRUE(apply({{"~/dots", "/root/d", {}}, {"~/one", "/root/d/x", {}}}));
    EXPECT_EQ(guest_.files().at("/root/d/x").first, "1");
}

TEST_F(FileSyncTest, WhatIsLeftOutIsAWarningAndTheRestArrives)
{
    file("there");
    ASSERT_TRUE(apply({{"~/none", "/root/none", {}}, {"~/there", "/root/there", {}}}));
    EXPECT_THAT(call_.warnings(), ElementsAre("'~/none' is not there: nothing goes to '/root/none'"));
    EXPECT_EQ(guest_.files().size(), 1U);
}

TEST_F(FileSyncTest, AnErrorOfOneEntryLeavesTheGuestAlone)
{
    file("there");
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    const auto applied = apply({{"~/there", "/root/there", {}}, {"~/pipe", "/root/pipe", {}}});
    ASSERT_FALSE(applied);
    EXPECT_THAT(applied.error().during, ElementsAre("bring '~/pipe' to '/root/pipe'"));
    EXPECT_THAT(guest_.files(), IsEmpty());
}

TEST_F(FileSyncTest, AFileThatMayNotBeReadIsAnError)
{
    const banger::test::BoundByPermissions bound;
    file("dots/a");
    file("dots/closed", "x", 0);
    const auto applied = apply({{"~/dots", "/root/d", {}}});
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, sdk::Code::permission);
    EXPECT_THAT(applied.error().message, HasSubstr(path("dots/closed")));
}

TEST_F(FileSyncTest, MoreFilesThanOneRequestHolds)
{
    for (int i = 0; i < 1000; ++i)
        file("dots/" + std::to_string(i), std::to_string(i));
    ASSERT_TRUE(apply({{"~/dots", "/root/d", {}}}));
    EXPECT_EQ(guest_.files().size(), 1000U);
    EXPECT_EQ(guest_.files().at("/root/d/999").first, "999");
    EXPECT_GT(call_.told().size(), 10U);
}

TEST_F(FileSyncTest, KeysOfTheGuestStayAmongTheAuthorizedOnes)
{
    ASSERT_TRUE(guest_.write({"/root/.ssh/authorized_keys", "ssh-ed25519 OURS banger\nssh-ed25519 BOTH\n", 0600}));
    file(".ssh/authorized_keys", "ssh-ed25519 THEIRS me\nssh-ed25519 BOTH");
    for (int times = 0; times < 2; ++times) {
        ASSERT_TRUE(apply({{"~/.ssh", "/root/.ssh", {}}}));
        EXPECT_EQ(guest_.files().at("/root/.ssh/authorized_keys").first,
                  "ssh-ed25519 THEIRS me\nssh-ed25519 BOTH\nssh-ed25519 OURS banger\n");
    }
}

TEST_F(FileSyncTest, TheProbeSaysWhatIsMissing)
{
    file("there");
    const auto probe = [&](std::vector<Entry> files) {
        Config config;
        config.files = std::move(files);
        return *make_file_sync(std::move(config), home())->probe(call_);
    };
    EXPECT_EQ(probe({}).reason, "no [[file_sync]] in the configuration");
    EXPECT_EQ(probe({{"~/there", "/root/a", {}}}).reason, "brings 1 table of [[file_sync]]");
    EXPECT_EQ(probe({{"~/there", "/root/a", {}}}).hint, "");
    const auto missing = probe({{"~/there", "/root/a", {}}, {"~/none", "/root/b", {}}});
    EXPECT_TRUE(missing.usable);
    EXPECT_EQ(missing.reason, "brings 2 tables of [[file_sync]]; not there: ~/none");
    EXPECT_NE(missing.hint, "");
}

}  // namespace
}  // namespace banger::file_sync
