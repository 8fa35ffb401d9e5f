// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// `config get|set|validate` on real files.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::HasSubstr;

class ConfigCommand : public CliTest {
protected:
    [[nodiscard]] std::string file() const { return home_ + "/config.toml"; }
    void write(const std::string& text) const { ASSERT_TRUE(sdk::os::write_file_atomic(file(), text, 0640)); }
    [[nodiscard]] std::string read() const { return sdk::os::read_file(file()).value_or("(none)"); }
    [[nodiscard]] static mode_t mode_of(const std::string& path)
    {
        struct stat status {};
        return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
    }
};

TEST_F(ConfigCommand, ChangesOneLineAndKeepsTheRest)
{
    write("# mine\n[vm_defaults]  # new machines\nvcpu = 1\t# one\n\n[backends]\nvmm = \"qemu\"\n");
    const auto ended = banger({"config", "set", "vm_defaults.vcpu", "2"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, "vm_defaults.vcpu is 2 (" + file() + ":3)\n");
    EXPECT_EQ(read(), "# mine\n[vm_defaults]  # new machines\nvcpu = 2\t# one\n\n[backends]\nvmm = \"qemu\"\n");
    EXPECT_EQ(mode_of(file()), 0640U) << "as it was";
    EXPECT_EQ(banger({"config", "get", "vm_defaults.vcpu"}).out, "2\n");
}

TEST_F(ConfigCommand, MakesTheFileAndItsDirectoryForUsAlone)
{
    environment_.erase("BANGER_HOME");
    environment_["HOME"] = home_ + "/me";
    environment_["XDG_RUNTIME_DIR"] = home_ + "/run-of-me";
    const std::string made = home_ + "/me/.config/banger";
    EXPECT_EQ(banger({"config", "set", "vm_defaults.vcpu", "1"}).status, 0);
    EXPECT_EQ(sdk::os::read_file(made + "/config.toml").value_or(""), "[vm_defaults]\nvcpu = 1\n");
    EXPECT_EQ(mode_of(made + "/config.toml"), 0600U);
    EXPECT_EQ(mode_of(made), 0700U);
}

TEST_F(ConfigCommand, ASymbolicLinkLeadsWhereItLed)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(home_ + "/dotfile", "[vm_defaults]\nvcpu = 1\n"));
    ASSERT_EQ(::symlink("dotfile", file().c_str()), 0);
    EXPECT_EQ(banger({"config", "set", "vm_defaults.vcpu", "2"}).status, 0);
    struct stat status {};
    ASSERT_EQ(::lstat(file().c_str(), &status), 0);
    EXPECT_TRUE(S_ISLNK(status.st_mode));
    EXPECT_EQ(sdk::os::read_file(home_ + "/dotfile").value_or(""), "[vm_defaults]\nvcpu = 2\n");
}

TEST_F(ConfigCommand, WhatWouldBeWrongIsRefusedAndNothingIsWritten)
{
    const std::string before = "[vm_defaults]\nvcpu = 1\n";
    write(before);
    for (const std::vector<std::string>& change :
         {std::vector<std::string>{"vm_defaults.vcpu", "0"}, {"vm_defaults.vcpu", "many"}, {"vm_defaults.disk", "1"},
          {"vm_defaults.egress", "internt"}, {"daemon.workers", "1.5"}, {"plugin.vmm-qemu.accelerator", "warp"}}) {
        const auto ended = banger({"config", "set", change[0], change[1]});
        EXPECT_EQ(ended.status, 1) << change[0];
        EXPECT_THAT(ended.err, HasSubstr("config.toml:")) << change[0];
        EXPECT_EQ(read(), before) << change[0];
    }
    EXPECT_THAT(banger({"config", "set", "vm_defaults.vcpu", "0"}).err, HasSubstr("cannot be 0"));
    EXPECT_THAT(banger({"config", "set", "vm_defaults.vcpu", "two"}).err, HasSubstr("a whole number"));
    EXPECT_THAT(banger({"config", "set", "vm_defaults.disk", "1"}).err, HasSubstr("cannot be 1 bytes"));
}

TEST_F(ConfigCommand, AFileThatIsWrongElsewhereIsMendedFirst)
{
    write("[vm_defaults]\nvcpu = \"x\"\n[backends]\nvm = \"qemu\"\n");
    EXPECT_THAT(banger({"config", "get", "vm_defaults.vcpu"}).err, HasSubstr("config.toml:2"));
    EXPECT_THAT(banger({"config", "set", "vm_defaults.vcpu", "1"}).err, HasSubstr("there is no setting 'vm'"));
    write("[vm_defaults]\nvcpu = \"x\"\n");
    EXPECT_EQ(banger({"config", "set", "vm_defaults.vcpu", "1"}).status, 0) << "this mends it";
    write("[vm_defaults\n");
    EXPECT_THAT(banger({"config", "set", "vm_defaults.vcpu", "1"}).err, HasSubstr("config.toml:1"));
}

TEST_F(ConfigCommand, ARunningDaemonIsStartedAgainAndABusyOneIsLeftAlone)
{
    banger({"daemon", "start"});
    const auto starts = [&] {
        const auto text = sdk::os::read_file(home_ + "/state/starts").value_or("");
        return std::count(text.begin(), text.end(), '\n');
    };
    EXPECT_EQ(starts(), 1);
    EXPECT_EQ(banger({"config", "set", "daemon.workers", "4"}).status, 0);
    EXPECT_EQ(starts(), 2);
    EXPECT_EQ(banger({"config", "set", "daemon.workers", "4"}).status, 0);
    EXPECT_EQ(starts(), 2) << "nothing changed";
    EXPECT_EQ(banger({"daemon", "stop"}).status, 0);
    EXPECT_EQ(banger({"config", "set", "daemon.workers", "5"}).status, 0);
    EXPECT_EQ(starts(), 2) << "there was none";
    environment_["BANGER_FAKE"] = "busy";
    banger({"daemon", "start"});
    const auto busy = banger({"config", "set", "daemon.workers", "6"});
    EXPECT_EQ(busy.status, 0) << busy.err;
    EXPECT_THAT(busy.err, HasSubstr("the daemon is busy: it keeps its old settings"));
    EXPECT_EQ(starts(), 3);
}

TEST_F(ConfigCommand, ValidateLooksAtAnyFile)
{
    EXPECT_EQ(banger({"config", "validate"}).status, 0) << "no file is right";
    const auto missing = banger({"config", "validate", home_ + "/none.toml"});
    EXPECT_EQ(missing.status, 1);
    EXPECT_THAT(missing.err, HasSubstr("none.toml"));
    write("[plugin.vmm-qemu]\naccelerator = \"warp\"\n");
    const auto wrong = banger({"config", "validate"});
    EXPECT_EQ(wrong.status, 1);
    EXPECT_THAT(wrong.out, HasSubstr("config.toml:2: accelerator"));
}

}  // namespace
}  // namespace banger::cli::testing
