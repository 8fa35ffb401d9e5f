// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/sshd.hpp"

#include <gtest/gtest.h>

namespace banger::agent {
namespace {

TEST(MergeLines, AddsOnlyWhatIsMissing)
{
    EXPECT_EQ(merge_lines("", {"a"}), "a\n");
    EXPECT_EQ(merge_lines("theirs", {"a", "b"}), "theirs\na\nb\n");
    EXPECT_EQ(merge_lines("a\ntheirs\n", {"a"}), "a\ntheirs\n");
    EXPECT_EQ(merge_lines("aa\n", {"a"}), "aa\na\n");
}

TEST(ForeignHostKeys, AreThoseOfTheGuestThatWasCopied)
{
    const std::vector<std::string> files{"sshd_config",          "ssh_host_rsa_key",         "ssh_host_rsa_key.pub",
                                         "ssh_host_ed25519_key", "ssh_host_ed25519_key.pub", "ssh_host_key_notes"};
    EXPECT_EQ(foreign_host_keys(files, {{"ssh_host_ed25519_key", "", ""}}),
              (std::vector<std::string>{"ssh_host_rsa_key", "ssh_host_rsa_key.pub"}));
    EXPECT_EQ(foreign_host_keys(files, {}).size(), 4U);
}

TEST(SshdConfig, DropInsCountOnlyInFrontOfEverything)
{
    EXPECT_TRUE(begins_with_drop_ins("# Debian's\n\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"));
    EXPECT_FALSE(begins_with_drop_ins("UsePAM yes\nInclude /etc/ssh/sshd_config.d/*.conf\n"));
    EXPECT_FALSE(begins_with_drop_ins("#Include /etc/ssh/sshd_config.d/*.conf\n"));
    EXPECT_FALSE(begins_with_drop_ins("Include /etc/ssh/other.conf\n"));
    EXPECT_FALSE(begins_with_drop_ins(""));
}

TEST(SshdConfig, OursComeFirstAndOnce)
{
    const std::string theirs = "Port 22\nPasswordAuthentication yes\n  match User x\n    PasswordAuthentication yes\nMatch all\n";
    const auto config = with_key_settings(theirs, {});
    const auto global = config.find("PasswordAuthentication no\n");
    const auto block = config.find("Match User *\n");
    EXPECT_LT(global, config.find("Port 22\nPasswordAuthentication yes\n"));
    EXPECT_NE(config.find("PermitRootLogin prohibit-password\n"), std::string::npos);
    EXPECT_LT(config.find("Port 22\n"), block) << "what stands behind it holds for some alone";
    EXPECT_LT(config.find("PasswordAuthentication no\n", block), config.find("match User x\n"));
    EXPECT_EQ(config.find("Match User *\n", block + 1), std::string::npos);
    EXPECT_EQ(with_key_settings(config, {}), config);
    EXPECT_EQ(with_key_settings("UsePAM yes\n", {}).find("Match"), std::string::npos);
}

TEST(SshdConfig, AnotherFileThatIsReadEarlierComesSecond)
{
    const std::string debians = "# Debian's\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n";
    EXPECT_EQ(with_key_settings(debians, {"00-banger.conf", "50-cloud-init.conf", "00-a.txt"}), debians);
    const std::string ours = "Include /etc/ssh/sshd_config.d/00-banger.conf\n";
    EXPECT_EQ(with_key_settings(debians, {"00-a.conf"}), ours + debians);
    EXPECT_EQ(with_key_settings(ours + debians, {"00-a.conf"}), ours + debians);
    const std::string late = "PasswordAuthentication yes\ninclude /etc/ssh/sshd_config.d/*.conf\n";
    EXPECT_EQ(with_key_settings(late, {}), ours + late);
}

}  // namespace
}  // namespace banger::agent
