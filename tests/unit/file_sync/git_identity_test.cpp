// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "git_identity.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_guest.hpp"
#include "git_config.hpp"
#include "host_files.hpp"

namespace banger::file_sync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(GitConfig, AKeyOfTheUserIsFound)
{
    for (const std::string text :
         {"[user]\nname = Ada\n", "[user]\n\tname=Ada", "[USER]\nNAME = x", "[ user ] name = x\n", "[user]\nname\n",
          "[core]\n a = b\n[user]\n # c\n email = x\n name = y\n", "[user]\r\n\tname = Ada\r\n",
          "[user]\n# a comment is not continued \\\nname = x\n"})
        EXPECT_TRUE(sets_user(text, "name")) << text;
}

TEST(GitConfig, AnythingElseIsNot)
{
    for (const std::string text :
         {"", "\n", "name = Ada\n", "[user \"work\"]\nname = Ada\n", "[user]\nemail = x\n", "[user]\n#name = x\n",
          "[user]\n[core]\nname = x\n", "[user]\nsigningkey = a \\\nname = x\n", "[users]\nname = x\n",
          "[user]\nnames = x\n", "[user", "[core]\nuser = name = x\n"})
        EXPECT_FALSE(sets_user(text, "name")) << text;
}

class GitIdentityTest : public HostFiles {
protected:
    sdk::Result<void> apply(const Config& config = {})
    {
        const auto provisioner = make_git_identity_from(config, home(), [this](sdk::Call&) { return identity_; });
        auto gathered = provisioner->gather({{}, "web", {}}, call_);
        return gathered ? provisioner->apply({{}, "web", *gathered}, guest_, call_) : std::move(gathered).error();
    }
    [[nodiscard]] std::string config_in_guest() const
    {
        const auto file = guest_.files().find("/root/.gitconfig");
        return file == guest_.files().end() ? "" : file->second.first;
    }

    sdk::Result<sdk::Fields> identity_ = sdk::Fields{{"name", "Ada \"L\""}, {"email", "ada@example.org"}};
    sdk::testing::FakeGuest guest_;
};

TEST_F(GitIdentityTest, GoesWhereNoneIs)
{
    for (int times = 0; times < 2; ++times) {
        ASSERT_TRUE(apply());
        EXPECT_EQ(config_in_guest(), "[user]\n\tname = \"Ada \\\"L\\\"\"\n\temail = \"ada@example.org\"\n");
    }
    EXPECT_EQ(guest_.files().at("/root/.gitconfig").second, 0600U);
}

TEST_F(GitIdentityTest, OnlyWhatTheGuestDoesNotSay)
{
    ASSERT_TRUE(guest_.write({"/root/.gitconfig", "[user]\n\tname = Image\n[core]\n\tpager = cat", 0644}));
    ASSERT_TRUE(apply());
    EXPECT_EQ(config_in_guest(),
              "[user]\n\tname = Image\n[core]\n\tpager = cat\n[user]\n\temail = \"ada@example.org\"\n");
}

TEST_F(GitIdentityTest, ALineThatGoesOnDoesNotSwallowIt)
{
    ASSERT_TRUE(guest_.write({"/root/.gitconfig", "[alias]\n\tl = log \\\n", 0644}));
    for (int times = 0; times < 2; ++times) {
        ASSERT_TRUE(apply());
        EXPECT_THAT(config_in_guest(), StartsWith("[alias]\n\tl = log \\\n\n[user]\n\tname = "));
    }
}

TEST_F(GitIdentityTest, NothingWhereTheGuestSaysAll)
{
    ASSERT_TRUE(guest_.write({"/root/.config/git/config", "[user]\nname = a\nemail = b\n", 0644}));
    ASSERT_TRUE(apply());
    EXPECT_EQ(config_in_guest(), "");
}

TEST_F(GitIdentityTest, NothingWhereFileSyncBringsOne)
{
    file(".gitconfig", "[core]\n");
    file("dots/.gitconfig", "[core]\n");
    for (const auto& entry : {Entry{"~/.gitconfig", "/root/.gitconfig", {}}, Entry{"~/dots", "/root", {}}}) {
        Config config;
        config.files = {entry};
        ASSERT_TRUE(apply(config));
        EXPECT_EQ(config_in_guest(), "") << entry.guest;
    }
    Config missing;
    missing.files = {{"~/none", "/root/.gitconfig", {}}, {"~/dots", "/root/elsewhere", {}}};
    ASSERT_TRUE(apply(missing));
    EXPECT_NE(config_in_guest(), "") << "what is not there is not brought";
}

TEST_F(GitIdentityTest, NothingIfItIsOffOrUnknown)
{
    Config off;
    off.git_identity = false;
    ASSERT_TRUE(apply(off));
    identity_ = sdk::Fields{};
    ASSERT_TRUE(apply());
    EXPECT_THAT(guest_.files(), IsEmpty());
    EXPECT_THAT(call_.warnings(), IsEmpty());
    identity_ = sdk::Fields{{"email", "ada@example.org"}};
    ASSERT_TRUE(apply());
    EXPECT_EQ(config_in_guest(), "[user]\n\temail = \"ada@example.org\"\n");
}

TEST_F(GitIdentityTest, OneThatCannotBeReadIsAWarning)
{
    identity_ = sdk::make_error(sdk::Code::unavailable, "git is broken");
    ASSERT_TRUE(apply());
    EXPECT_THAT(call_.warnings(), ElementsAre("the git identity of this host is left out: git is broken"));
    EXPECT_THAT(guest_.files(), IsEmpty());
}

class GitOfThisHost : public HostFiles {
protected:
    void SetUp() override
    {
        if (!sdk::os::find_program("git"))
            GTEST_SKIP() << "there is no git here";
    }
    sdk::Result<sdk::Fields> read() { return git_of(home())(call_); }
};

TEST_F(GitOfThisHost, SaysWhoTheUserIs)
{
    EXPECT_TRUE(read()->empty()) << "without a configuration";
    file("who", "[user]\n\temail = first@example.org\n");
    file(".gitconfig", "[user]\n\tname = Ada L\n[include]\n\tpath = who\n[user]\n\temail = ada@example.org\n");
    const auto identity = read();
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(identity->at("name"), "Ada L");
    EXPECT_EQ(identity->at("email"), "ada@example.org");
}

TEST_F(GitOfThisHost, IncludedFilesCount)
{
    file("who", "[user]\n\tname = Included\n");
    file(".gitconfig", "[include]\n\tpath = who\n");
    EXPECT_EQ(read()->at("name"), "Included");
}

TEST_F(GitOfThisHost, ABrokenConfigurationIsQuoted)
{
    file(".gitconfig", "[user\n");
    const auto identity = read();
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().code, sdk::Code::unavailable);
    EXPECT_THAT(identity.error().message, HasSubstr("bad config"));
}

// What is written for the guest's git is what git reads.
TEST_F(GitOfThisHost, ReadsBackWhatIsWritten)
{
    const std::string odd = "A \"quoted\" \\ name; # with\tall\nthat ";
    file(".gitconfig", "[user]\n\tname = " + quoted_value(odd) + "\n");
    const auto identity = read();
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(identity->at("name"), odd);
}

}  // namespace
}  // namespace banger::file_sync
