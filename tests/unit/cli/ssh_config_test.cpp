// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/ssh_config.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "cli/host_name.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli {
namespace {

using ::testing::HasSubstr;

constexpr const char* instance = "0123abcd";

class SshConfigTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string file() const { return directory.path() + "/config"; }
    [[nodiscard]] std::string text() const { return *sdk::os::read_file(file()); }
    void must(const sdk::Result<void>& done) { ASSERT_TRUE(done) << done.error().message; }

    sdk::testing::TemporaryDirectory directory;
};

TEST_F(SshConfigTest, TheIncludeComesFirstOnceAndGoesWithoutATrace)
{
    const std::string users = "Host *\n    ForwardAgent yes\n# mine, without a line end";
    must(sdk::os::write_file_atomic(file(), users, 0644));
    must(include_in(file(), "/state/ssh/config", instance));
    must(include_in(file(), "/state/ssh/config", instance));
    EXPECT_THAT(text(), HasSubstr("\nInclude \"/state/ssh/config\"\n"));
    EXPECT_TRUE(text().ends_with(users));
    EXPECT_EQ(text().find("Include"), text().rfind("Include"));
    must(include_in(file(), "/other/config", "deadbeef"));
    EXPECT_EQ(exclude_from(file(), instance).value_or(false), true);
    EXPECT_THAT(text(), HasSubstr("/other/config"));
    EXPECT_EQ(exclude_from(file(), "deadbeef").value_or(false), true);
    EXPECT_EQ(exclude_from(file(), "deadbeef").value_or(true), false);
    EXPECT_EQ(text(), users);
    struct stat status {};
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0644U);
}

TEST_F(SshConfigTest, AFileThatIsNotThereIsMadePrivateAndALinkIsFollowed)
{
    EXPECT_EQ(exclude_from(file(), instance).value_or(true), false);
    EXPECT_FALSE(sdk::os::exists(file()));
    const std::string real = directory.path() + "/dotfiles";
    must(sdk::os::write_file_atomic(real, "x\n"));
    ASSERT_EQ(::symlink(real.c_str(), file().c_str()), 0);
    must(include_in(file(), "/state/ssh/config", instance));
    struct stat status {};
    ASSERT_EQ(::lstat(file().c_str(), &status), 0);
    EXPECT_TRUE(S_ISLNK(status.st_mode));
    EXPECT_THAT(*sdk::os::read_file(real), HasSubstr("Include"));
    ASSERT_EQ(::unlink(file().c_str()), 0);
    must(include_in(file(), "/state/ssh/config", instance));
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(SshConfigTest, OtherInstallationsThatAreIncludedAreNamed)
{
    EXPECT_TRUE(others_included_in(file(), instance)->empty());
    must(include_in(file(), "/other/config", "deadbeef"));
    must(include_in(file(), "/state/ssh/config", instance));
    must(include_in(file(), "/third/config", "00000001"));
    EXPECT_EQ(*others_included_in(file(), instance), (std::vector<std::string>{"00000001", "deadbeef"}));
    must(sdk::os::write_file_atomic(file(), "# begin of what banger deadbeef"));
    EXPECT_TRUE(others_included_in(file(), instance)->empty());
}

TEST_F(SshConfigTest, HalfABlockIsLeftToItsOwner)
{
    must(include_in(file(), "/state/ssh/config", instance));
    const std::string half = text().substr(0, text().find("Include"));
    must(sdk::os::write_file_atomic(file(), half));
    const auto included = include_in(file(), "/state/ssh/config", instance);
    ASSERT_FALSE(included);
    EXPECT_EQ(included.error().code, sdk::Code::corrupt);
    EXPECT_EQ(text(), half);
}

// What ssh itself reads of it (ssh(1), -G).
TEST_F(SshConfigTest, SshTakesTheSettings)
{
    must(sdk::os::write_file_atomic(directory.path() + "/settings",
                                    ssh_settings("/opt/with space/banger", "vm", "/home/me/a key")));
    must(include_in(file(), directory.path() + "/settings", instance));
    sdk::os::Command command;
    command.argv = {"ssh", "-G", "-F", file(), "web.vm"};
    const auto read = sdk::os::run_checked(command);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_THAT(read->out, HasSubstr("user root\n"));
    EXPECT_THAT(read->out, HasSubstr("identityfile /home/me/a key\n"));
    EXPECT_THAT(read->out, HasSubstr("proxycommand '/opt/with space/banger' vm proxy --zone vm '%n' 22\n"));
    EXPECT_THAT(read->out, HasSubstr("knownhostscommand \"/opt/with space/banger\" vm host-key --zone vm %H\n"));
    EXPECT_THAT(read->out, HasSubstr("stricthostkeychecking true\n"));
    command.argv.back() = "example.com";
    const auto other = sdk::os::run_checked(command);
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_THAT(other->out, ::testing::Not(HasSubstr("banger")));
}

class SshConfigCommand : public testing::CliTest {
protected:
    SshConfigCommand() { environment_["HOME"] = home_; }
    [[nodiscard]] std::string users_file() const { return home_ + "/.ssh/config"; }
    [[nodiscard]] std::string settings() const { return home_ + "/state/ssh/config"; }
};

TEST_F(SshConfigCommand, UninstallsWithoutADaemonAndMakesNothing)
{
    environment_["BANGER_DAEMON"] = "/none";
    const auto nothing = banger({"ssh-config", "--uninstall"});
    EXPECT_EQ(nothing.status, 0) << nothing.err;
    EXPECT_EQ(nothing.err, users_file() + " does not include them\n");
    EXPECT_EQ(*sdk::os::list_directory(home_), std::vector<std::string>());

    ASSERT_TRUE(sdk::os::make_directories(home_ + "/state/ssh"));
    ASSERT_TRUE(sdk::os::write_file_atomic(home_ + "/state/instance", "0123abcd\n"));
    ASSERT_TRUE(sdk::os::write_file_atomic(settings(), "Host *.vm\n"));
    ASSERT_TRUE(sdk::os::make_directories(home_ + "/.ssh"));
    ASSERT_TRUE(include_in(users_file(), settings(), instance));
    const auto ended = banger({"ssh-config", "--uninstall"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.err, users_file() + " does not include them any more\n");
    EXPECT_EQ(*sdk::os::read_file(users_file()), "");
    EXPECT_FALSE(sdk::os::exists(settings()));
    EXPECT_EQ(banger({"dns", "route", "--uninstall"}).err, "nothing was installed\n");
}

TEST_F(SshConfigCommand, SaysWhoseMachinesAreHiddenByOurs)
{
    ASSERT_TRUE(sdk::os::make_directories(home_ + "/.ssh"));
    ASSERT_TRUE(include_in(users_file(), "/other/config", "deadbeef"));
    const auto ended = banger({"ssh-config", "--install"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("banger deadbeef"));
}

TEST(VmOfHost, IsTheLabelBelowTheZone)
{
    EXPECT_EQ(vm_of_host("web.vm", "vm"), "web");
    EXPECT_EQ(vm_of_host("api.web.vm", "vm"), "web");
    EXPECT_EQ(vm_of_host("web", "vm"), "web");
    EXPECT_EQ(vm_of_host("web.vm", ""), "web.vm");
    EXPECT_EQ(vm_of_host("web.my.test", "my.test"), "web");
}

}  // namespace
}  // namespace banger::cli
