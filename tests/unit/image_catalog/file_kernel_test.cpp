// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Kernels in files: what is known of them before they boot.
#include "catalog_kernel.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/images/kernel_needs.hpp"
#include "core/images/kernel_store.hpp"
#include "kernel_files.hpp"
#include "tests/unit/image_store/store_test_support.hpp"

namespace banger::catalog {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using namespace testing;
using sdk::Code;

class FileKernelTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        write("vmlinux", vmlinux());
        write("config", good_configuration);
        run("mkdir -p modules/kernel/drivers && ln -s /usr/src modules/build && touch modules/modules.dep "
            "modules/kernel/drivers/a.ko");
    }
    [[nodiscard]] std::string at(const std::string& name) const { return host.directory() + "/" + name; }
    void write(const std::string& name, const std::string& text) { ASSERT_TRUE(sdk::os::write_file_atomic(at(name), text)); }
    void run(const std::string& script)
    {
        sdk::os::Command command;
        command.argv = {"sh", "-ec", script};
        command.directory = host.directory();
        const auto ran = sdk::os::run_checked(std::move(command));
        ASSERT_TRUE(ran) << ran.error().message;
    }
    sdk::Result<images::Kernel> import(const images::KernelFiles& files)
    {
        images::KernelStore store(at("kernels"), catalogue,
                                  [this](const std::string&) -> sdk::Result<sdk::KernelSource*> { return source.get(); });
        return store.import(files, call);
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    images::Catalogue catalogue = images::testing::catalogue();
    std::unique_ptr<sdk::KernelSource> source = make_kernel_source({});
};

TEST_F(FileKernelTest, AKernelInFilesIsAKernelOfTheStore)
{
    const auto kernel = import({"mine", at("vmlinux"), at("modules"), at("config"), "quiet"});
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->name, "mine");
    EXPECT_EQ(kernel->version, "6.1.7-mine");
    EXPECT_EQ(kernel->command_line, "quiet");
    EXPECT_EQ(kernel->facts.at("imported_from"), at("vmlinux"));
    EXPECT_TRUE(sdk::os::exists(kernel->modules_directory + "/6.1.7-mine/modules.dep"));
    const auto same = import({"mine", at("vmlinux"), at("modules"), at("config"), "quiet"});
    ASSERT_TRUE(same) << same.error().message;
    EXPECT_EQ(same->id, kernel->id);
    run("echo changed >modules/kernel/drivers/a.ko");
    EXPECT_FALSE(import({"mine", at("vmlinux"), at("modules"), at("config"), "quiet"})) << "it is another one now";
    const auto again = import({"mine", at("vmlinux"), at("modules"), at("config")});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::exists);
    EXPECT_FALSE(import({"plain", at("vmlinux"), at("modules"), at("config")})) << "the catalogue's name";
    EXPECT_FALSE(import({"Not A Name", at("vmlinux"), at("modules"), at("config")}));
}

TEST_F(FileKernelTest, ASlashBehindItsModulesIsNoPartOfTheirNames)
{
    const auto kernel = import({"mine", at("vmlinux"), at("modules/"), at("config")});
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_TRUE(sdk::os::exists(kernel->modules_directory + "/6.1.7-mine/modules.dep"));
    EXPECT_THAT(images::testing::names_in(kernel->modules_directory), ElementsAre("6.1.7-mine"));
}

TEST_F(FileKernelTest, WhatItLacksIsSaidByName)
{
    const auto without_modules = import({"mine", at("vmlinux"), {}, at("config")});
    ASSERT_FALSE(without_modules);
    EXPECT_EQ(without_modules.error().code, Code::unsupported);
    EXPECT_THAT(without_modules.error().message,
                AllOf(HasSubstr("ext4 (CONFIG_EXT4_FS)"), HasSubstr("virtio disks (CONFIG_VIRTIO_BLK)"), Not(HasSubstr("ACPI"))));
    for (const auto& [option, name] : {std::pair{"CONFIG_BLK_DEV_INITRD", "an initial RAM disk"}, {"CONFIG_ACPI", "ACPI"},
                                       {"CONFIG_SERIAL_8250_CONSOLE", "a serial console"}, {"CONFIG_EXT4_FS", "ext4"},
                                       {"CONFIG_VIRTIO_PCI", "virtio over PCI"}, {"CONFIG_VIRTIO_CONSOLE", "a virtio console"}}) {
        run(std::string("sed 's/^") + option + "=.*/# " + option + " is not set/' config >lacking");
        const auto lacking = import({"mine", at("vmlinux"), at("modules"), at("lacking")});
        ASSERT_FALSE(lacking) << option;
        EXPECT_THAT(lacking.error().message, HasSubstr(std::string("lacks what a machine needs: ") + name)) << option;
        EXPECT_THAT(images::testing::names_in(at("kernels")), IsEmpty());
    }
    EXPECT_THAT(images::missing_in("CONFIG_ACPI=m\n" + good_configuration.substr(good_configuration.find("CONFIG_SERIAL")), true),
                ::testing::Contains("ACPI (CONFIG_ACPI)"))
        << "a module comes too late";
}

TEST_F(FileKernelTest, ItsConfigurationIsFoundInItOrBesideIt)
{
    EXPECT_FALSE(import({"mine", at("vmlinux"), at("modules")})) << "nobody says how it is configured";
    run("cp config config-6.1.7-mine");
    EXPECT_TRUE(import({"beside", at("vmlinux"), at("modules")}));
    run("rm config-6.1.7-mine && { cat vmlinux; printf IKCFG_ST; gzip -c config; printf IKCFG_ED; } >inside");
    EXPECT_TRUE(import({"inside", at("inside"), at("modules")}));
    run("{ cat vmlinux; printf IKCFG_ST; echo CONFIG_X=y | gzip -c; printf IKCFG_ED; } >lacking");
    const auto lacking = import({"lacking", at("lacking"), at("modules")});
    ASSERT_FALSE(lacking);
    EXPECT_THAT(lacking.error().message, HasSubstr("ACPI"));
}

TEST_F(FileKernelTest, FilesThatAreNoKernelAreRefused)
{
    write("text", "not a kernel");
    EXPECT_FALSE(import({"mine", at("text"), {}, at("config")}));
    write("elf", std::string("\177ELF") + std::string(100, '\0'));
    EXPECT_FALSE(import({"mine", at("elf"), {}, at("config")}));
    EXPECT_FALSE(import({"mine", at("missing"), {}, at("config")}));
    const auto no_modules = import({"mine", at("vmlinux"), at("images"), at("config")});
    ASSERT_FALSE(no_modules);
    EXPECT_THAT(no_modules.error().message, HasSubstr("no modules of kernel 6.1.7-mine"));
}

}  // namespace
}  // namespace banger::catalog
