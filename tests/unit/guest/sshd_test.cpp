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
    const std::string theirs = "PasswordAuthentication yes\nMatch User x\n";
    const auto config = with_key_settings(theirs);
    EXPECT_LT(config.find("PasswordAuthentication no\n"), config.find(theirs));
    EXPECT_NE(config.find("PermitRootLogin prohibit-password\n"), std::string::npos);
    EXPECT_EQ(with_key_settings(config), config);
}

}  // namespace
}  // namespace banger::agent
