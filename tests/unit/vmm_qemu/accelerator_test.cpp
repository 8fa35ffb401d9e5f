// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "accelerator.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::qemu {
namespace {

using ::testing::HasSubstr;

class AcceleratorTest : public ::testing::Test {
protected:
    // A program that answers --version and counts how often it was asked.
    std::string scripted_qemu(const std::string& version)
    {
        const std::string path = host.directory() + "/qemu";
        const auto wrote =
            sdk::os::write_file_atomic(path, "#!/bin/sh\necho asked >> " + host.directory() +
                                                 "/asked\necho 'QEMU emulator version " + version + "'\n");
        EXPECT_TRUE(wrote);
        EXPECT_EQ(::chmod(path.c_str(), 0700), 0);
        return path;
    }
    std::size_t times_asked() const
    {
        return sdk::os::read_file(host.directory() + "/asked").value_or("").size() / std::string("asked\n").size();
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
};

TEST_F(AcceleratorTest, AsksQemuForItsVersionOnce)
{
    const Config config{scripted_qemu("7.2.22 (Debian)"), AcceleratorChoice::tcg, 0};
    for (int daemon = 0; daemon < 2; ++daemon) {
        AcceleratorProbe probe(host, config);
        for (int i = 0; i < 2; ++i) {
            const auto found = probe.look(call);
            ASSERT_TRUE(found) << found.error().message;
            EXPECT_EQ(found->version, "7.2.22");
            EXPECT_EQ(found->accelerator, Accelerator::tcg);
        }
    }
    EXPECT_EQ(times_asked(), 1U);
    scripted_qemu("8.0.0");
    EXPECT_EQ(AcceleratorProbe(host, config).look(call)->version, "8.0.0");
}

TEST_F(AcceleratorTest, ATornCacheIsMeasuredAgain)
{
    const Config config{scripted_qemu("7.2.0"), AcceleratorChoice::tcg, 0};
    ASSERT_TRUE(AcceleratorProbe(host, config).look(call));
    ASSERT_TRUE(sdk::os::write_file_atomic(host.cache_directory() + "/qemu.json", R"({"identity": 7, "ver)"));
    EXPECT_EQ(AcceleratorProbe(host, config).look(call)->version, "7.2.0");
}

TEST_F(AcceleratorTest, AnOldQemuIsRefused)
{
    const auto found = AcceleratorProbe(host, {scripted_qemu("5.2.0"), AcceleratorChoice::tcg, 0}).look(call);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, sdk::Code::unsupported);
    EXPECT_THAT(found.error().message, HasSubstr("7.2"));
}

TEST_F(AcceleratorTest, NoQemuSaysWhatToInstall)
{
    const auto found = AcceleratorProbe(host, {"qemu-system-that-is-not-there", AcceleratorChoice::tcg, 0}).look(call);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, sdk::Code::not_found);
    EXPECT_THAT(found.error().hint, HasSubstr("apt install"));
}

TEST_F(AcceleratorTest, TheProbeGuestRunsUnderEmulation)
{
    const auto trial = try_guest("qemu-system-x86_64", Accelerator::tcg, host.directory(), call);
    ASSERT_TRUE(trial) << trial.error().message;
    EXPECT_EQ(trial->problem, "");
    EXPECT_TRUE(trial->in_time);
}

TEST_F(AcceleratorTest, TheProbeCanBeCancelled)
{
    call.cancel();
    const auto trial = try_guest("qemu-system-x86_64", Accelerator::tcg, host.directory(), call);
    ASSERT_FALSE(trial);
    EXPECT_EQ(trial.error().code, sdk::Code::cancelled);
}

// The two ways to ask must agree: KVM is used where the guest runs on it, and only there. The second uses what the
// first found out, unless that was only that the host is too busy to tell.
TEST_F(AcceleratorTest, DemandedKvmWorksOrSaysWhyNot)
{
    const auto automatic = AcceleratorProbe(host, {}).look(call);
    ASSERT_TRUE(automatic) << automatic.error().message;
    EXPECT_FALSE(automatic->reason.empty());
    if (automatic->reason.find("never ran to its end") != std::string::npos)
        GTEST_SKIP() << "this host is too busy for a trial of KVM: " << automatic->reason;
    const auto demanded = AcceleratorProbe(host, {"qemu-system-x86_64", AcceleratorChoice::kvm, 0}).look(call);
    EXPECT_EQ(automatic->accelerator == Accelerator::kvm, demanded.has_value());
    if (!demanded) {
        EXPECT_EQ(demanded.error().code, sdk::Code::unsupported);
        EXPECT_FALSE(demanded.error().hint.empty());
    }
}

}  // namespace
}  // namespace banger::qemu
