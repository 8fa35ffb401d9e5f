// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "messages.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "boot.hpp"

namespace banger::firecracker {
namespace {

sdk::BootSpec whole_guest()
{
    sdk::BootSpec spec;
    spec.owner = {"1a2b3c4d", "0123456789ab", "/vms/0123456789ab"};
    spec.kernel = "/kernels/vmlinux";
    spec.initramfs = "/kernels/a \"quoted\" initramfs";
    spec.command_line = "panic=-1 reboot=t";
    spec.vcpus = 2;
    spec.memory_mib = 1024;
    spec.disks = {{"root", "/vms/0123456789ab/root.raw", "raw", false, 1U << 30U},
                  {"modules", "/kernels/modules.disk", "raw", true, 1U << 20U}};
    spec.links = {{{"tap", {{"name", "banger-tap0"}}}, "52:54:00:12:34:56", {}, {}, {}},
                  {{"none", {}}, {}, {}, {}, {}}};
    return spec;
}

std::string as_text(const std::vector<Request>& requests)
{
    std::string text;
    for (const auto& request : requests)
        text += request.verb + " " + request.path + " " + request.body + "\n";
    return text;
}

// All that is sent for a boot, against what Firecracker's published API description has for it.
TEST(Messages, AreTheGoldenOnes)
{
    auto spec = whole_guest();
    ASSERT_TRUE(check(spec));
    std::string text = as_text(boot_requests(spec));
    spec.disks.resize(1);
    spec.links.clear();
    spec.discardable = spec.forkable = true;
    spec.initramfs.clear();
    text += "---- discardable, forkable, no network, no initramfs\n" + as_text(boot_requests(spec));
    text += "---- the others\n" + as_text({describe()});

    const std::string path = std::string(BANGER_GOLDEN_DIR) + "/firecracker_requests.txt";
    const char* accept = std::getenv("BANGER_ACCEPT");  // NOLINT(concurrency-mt-unsafe)
    if (accept != nullptr && std::string(accept) == "1") {
        ASSERT_TRUE(sdk::os::write_file_atomic(path, text, 0644));
        GTEST_SKIP() << "accepted " << path;
    }
    const auto golden = sdk::os::read_file(path);
    ASSERT_TRUE(golden) << "BANGER_ACCEPT=1 writes it:\n" << text;
    EXPECT_EQ(text, *golden);
}

TEST(Messages, StatesAreReadAndNothingElse)
{
    EXPECT_EQ(*state_from(R"({"state":"Running"})"), MachineState::running);
    EXPECT_EQ(*state_from(R"({"state":"Paused"})"), MachineState::paused);
    EXPECT_EQ(*state_from(R"({"state":"Not started"})"), MachineState::not_started);
    for (const char* body : {"", "[]", "{}", R"({"state":1})", R"({"state":"Dancing"})"})
        EXPECT_FALSE(state_from(body)) << body;
}

TEST(Boot, WhatFirecrackerCannotDoIsRefusedBeforehand)
{
    const auto refused = [](auto change) {
        auto spec = whole_guest();
        change(spec);
        const auto checked = check(spec);
        return checked ? std::string("accepted") : std::string(to_string(checked.error().code));
    };
    EXPECT_EQ(refused([](auto&) {}), "accepted");
    EXPECT_EQ(refused([](auto& spec) { spec.disks[0].format = "qcow2"; }), "unsupported");
    EXPECT_EQ(refused([](auto& spec) { spec.disks[0].role = "../root"; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.disks[1].role = "root"; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.disks[0].path = "root.raw"; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.links[0].attachment.kind = "stream-socket"; }), "unsupported");
    EXPECT_EQ(refused([](auto& spec) { spec.links[0].attachment.fields = {}; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.links[0].attachment.fields["name"] = "a/b"; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.links[0].mac = ""; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.links[0].mac = "zz:zz:zz:zz:zz:zz"; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.vcpus = 33; }), "invalid");
    EXPECT_EQ(refused([](auto& spec) { spec.disks.resize(17); }), "invalid");
}

}  // namespace
}  // namespace banger::firecracker
