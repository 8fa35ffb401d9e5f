// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "messages.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "api_description.hpp"
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

constexpr Version newest{1, 16, 1};
constexpr Version first_that_restores{1, 12, 0};
constexpr Version oldest{1, 8, 0};

struct Sent {
    std::string what;
    Version to;
    std::vector<Request> requests;
};

/// All that is ever sent, by what it is for.
std::vector<Sent> all_requests()
{
    const auto whole = whole_guest();
    auto bare = whole;
    bare.disks.resize(1);
    bare.links.clear();
    bare.discardable = bare.forkable = true;
    bare.initramfs.clear();
    Config limited;
    limited.disk_rate = {100U << 20U, 1000};
    limited.network_rate = {50U << 20U, 0};
    limited.free_page_reporting = true;
    Config without_balloon;
    without_balloon.balloon = false;
    auto forkable = whole;
    forkable.forkable = true;
    const auto booted = [](const char* what, const sdk::BootSpec& spec, const Config& config, const Version& to) {
        return Sent{what, to, boot_requests(spec, config, to)};
    };
    const auto restored = [](const char* what, const sdk::BootSpec& spec, const Config& config, const Version& to) {
        return Sent{what, to, restore_requests({spec, "/saves/1"}, config, to)};
    };
    return {
        booted("a boot", whole, {}, newest),
        booted("discardable, forkable, no network, no initramfs", bare, {}, newest),
        booted("limited, before 1.14", bare, limited, {1, 13, 1}),
        booted("limited, with a network, 1.8", whole, limited, oldest),
        booted("limited, with reports of free pages", whole, limited, newest),
        booted("without a balloon", bare, without_balloon, newest),
        restored("a restore", forkable, {}, newest),
        restored("limited, 1.12", whole, limited, first_that_restores),
        {"the others", first_that_restores,
         {describe(), pause(), resume(), create_snapshot("/saves/1/devices", "/saves/1/memory", false),
          create_snapshot("/saves/2/devices", "/saves/2/memory", true), reopen_drive("root", "root.disk"),
          reset_channel()}},
    };
}

TEST(Messages, AreTheGoldenOnes)
{
    std::string text;
    for (const auto& [what, to, requests] : all_requests())
        text += "---- " + what + "\n" + as_text(requests);
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

TEST(Messages, AreAsTheApiDescriptionHasThem)
{
    for (const auto& [what, to, requests] : all_requests())
        for (const auto& request : requests)
            EXPECT_EQ(complaint(to, request.verb, request.path, request.body), "")
                << what << " " << to_string(to) << ": " << request.path << " " << request.body;
}

TEST(Messages, WhatTheApiDescriptionHasNotIsNoticed)
{
    for (const auto& [verb, path, body] :
         {std::tuple{"PUT", "/drive/root", "{}"},
          {"PUT", "/drives/root", R"({"drive_id":"root"})"},
          {"PUT", "/drives/root", R"({"drive_id":"stem","is_root_device":false})"},
          {"PUT", "/drives/root", R"({"drive_id":"root","is_root_device":"no"})"},
          {"PUT", "/drives/root", R"({"drive_id":"root","is_root_device":false,"cache_type":"Often"})"},
          {"PUT", "/drives/root", R"({"drive_id":"root","is_root_device":false,"rate_limiter":{"ops":{"size":1}}})"},
          {"PUT", "/machine-config", R"({"vcpu_count":33,"mem_size_mib":128})"},
          {"PATCH", "/vm", R"({"state":"Running"})"},
          {"PUT", "/snapshot/load", R"({"snapshot_path":"a","network_overrides":[{"iface_id":"link0"}]})"},
          {"PUT", "/entropy", "{"},
          {"GET", "/", "{}"}})
        EXPECT_NE(complaint(newest, verb, path, body), "") << verb << " " << path << " " << body;
}

// So that a request which an older Firecracker refuses is not sent to one.
TEST(Messages, WhatAnOlderApiDescriptionHasNotYetIsNoticed)
{
    const auto reports = balloon(true);
    const auto restore = load_snapshot({"/saves/1/devices", "/saves/1/memory", {{"link0", "tap0"}}, true});
    EXPECT_EQ(complaint(newest, reports.verb, reports.path, reports.body), "");
    EXPECT_NE(complaint(first_that_restores, reports.verb, reports.path, reports.body), "");
    EXPECT_EQ(complaint(newest, restore.verb, restore.path, restore.body), "");
    EXPECT_NE(complaint(first_that_restores, restore.verb, restore.path, restore.body), "");
    const auto with_tap = load_snapshot({"/saves/1/devices", "/saves/1/memory", {{"link0", "tap0"}}, true, true});
    EXPECT_EQ(complaint(first_that_restores, with_tap.verb, with_tap.path, with_tap.body), "");
    EXPECT_NE(complaint(oldest, with_tap.verb, with_tap.path, with_tap.body), "");
}

TEST(Messages, WhatTheApiDescriptionHasNotForAnAnswerIsNoticed)
{
    const std::string running = R"({"id":"x","state":"Running","vmm_version":"1.16.1","app_name":"Firecracker"})";
    EXPECT_EQ(complaint_of_answer(newest, "GET", "/", 200, running), "");
    EXPECT_EQ(complaint_of_answer(newest, "PUT", "/actions", 204, ""), "");
    EXPECT_EQ(complaint_of_answer(newest, "PUT", "/actions", 400, R"({"fault_message":"no"})"), "");
    for (const auto& [verb, path, status, body] :
         {std::tuple{"GET", "/", 200, R"({"state":"Running"})"},
          {"GET", "/", 200, R"({"id":"x","state":"Dancing","vmm_version":"1.16.1","app_name":"Firecracker"})"},
          {"GET", "/", 200, R"({"id":"x","state":"Paused","vmm_version":1,"app_name":"Firecracker"})"},
          {"GET", "/", 204, ""},
          {"PUT", "/actions", 200, "{}"},
          {"PUT", "/actions", 204, "{}"},
          {"PUT", "/actions", 400, R"({"fault":"no"})"},
          {"PUT", "/actions", 400, R"({"fault_message":"a "quotation""})"}})
        EXPECT_NE(complaint_of_answer(newest, verb, path, status, body), "") << path << " " << status << " " << body;
}

TEST(Messages, EachStateOfTheApiDescriptionIsReadAsAnother)
{
    for (const auto& version : {newest, first_that_restores, oldest}) {
        std::set<MachineState> read;
        for (const auto& state : states_of(version)) {
            const auto got = state_from(R"({"state":")" + state + R"("})");
            ASSERT_TRUE(got) << to_string(version) << ": " << state;
            read.insert(*got);
        }
        EXPECT_EQ(read.size(), 3U) << to_string(version);
        EXPECT_EQ(read.size(), states_of(version).size()) << to_string(version);
    }
}

TEST(Messages, StatesAreReadAndNothingElse)
{
    EXPECT_EQ(*state_from(R"({"state":"Running"})"), MachineState::running);
    EXPECT_EQ(*state_from(R"({"state":"Paused"})"), MachineState::paused);
    EXPECT_EQ(*state_from(R"({"state":"Not started"})"), MachineState::not_started);
    for (const char* body : {"", "[]", "{}", R"({"state":1})", R"({"state":"Dancing"})"})
        EXPECT_FALSE(state_from(body)) << body;
    EXPECT_FALSE(state_from(std::string(1U << 20U, '[')));
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

TEST(Boot, TheOrderOfDisksAndTheKindsOfLinksAreTheShapeAndFilesAreNot)
{
    const Version version{1, 16, 1};
    const auto shape = shape_of(whole_guest(), version);
    auto other = whole_guest();
    other.disks[0].path = "/elsewhere/root.raw";
    other.links[0].attachment.fields["name"] = "another-tap";
    other.links.pop_back();  // the one that is none
    EXPECT_TRUE(sdk::must_fit(shape, shape_of(other, version)));
    std::swap(other.disks[0], other.disks[1]);
    EXPECT_EQ(sdk::must_fit(shape, shape_of(other, version)).error().message,
              "the saved machine has disks root, modules (read-only), and this one would have disks modules "
              "(read-only), root");
    other = whole_guest();
    other.links.clear();
    EXPECT_FALSE(sdk::must_fit(shape, shape_of(other, version)));
    EXPECT_FALSE(sdk::must_fit(shape, shape_of(whole_guest(), {1, 15, 0})));
}

}  // namespace
}  // namespace banger::firecracker
