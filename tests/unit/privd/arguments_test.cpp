// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/arguments.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/base/control_group.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::testing::FakeHost;

constexpr Remit::IsOfSession anywhere = [](std::string_view, uid_t) { return true; };

class RemitTest : public ::testing::Test {
protected:
    RemitTest() : owner_(host_.new_owner()), here_{host_.instance(), host_.vms_directory()}
    {
        EXPECT_TRUE(sdk::os::write_file_atomic(layer_, std::string(4096, 'x')));
    }

    [[nodiscard]] sdk::DiskSpec disk() const { return {owner_, "root", {layer_, 4096, "raw"}, 8192, "disk:raw"}; }
    [[nodiscard]] sdk::FreezeSpec freeze() const { return {disk(), host_.vms_directory() + "/frozen"}; }

    template <typename Spec>
    void expect_refused(const Spec& spec, Code code)
    {
        const auto checked = remit_.check(here_, spec);
        ASSERT_FALSE(checked);
        EXPECT_EQ(to_string(checked.error().code), to_string(code)) << checked.error().message;
    }

    FakeHost host_;
    sdk::Owner owner_;
    Installation here_;
    std::string layer_ = host_.directory() + "/layer";
    Remit remit_{::geteuid(), anywhere};
};

TEST_F(RemitTest, WhatADaemonAsksForPasses)
{
    EXPECT_TRUE(remit_.check(here_));
    EXPECT_TRUE(remit_.check(here_, owner_));
    EXPECT_TRUE(remit_.check(here_, disk()));
    EXPECT_TRUE(remit_.check(here_, freeze()));
    EXPECT_TRUE(remit_.check(here_, sdk::LinkSpec{owner_, sdk::Egress::all, "link:tap"}));
    EXPECT_TRUE(remit_.check_own({layer_, 4096, "dm-snapshot"}));
}

TEST_F(RemitTest, ANameServerIsOnThisHostsLoopback)
{
    EXPECT_TRUE(Remit::check(sdk::NameServer{"127.0.0.1", 42069, "vm"}));
    EXPECT_TRUE(Remit::check(sdk::NameServer{"::1", 42069, "vm"}));
    for (const char* address : {"10.0.0.1", "127.0.0.1.example.com", "", "::2", "127.1"})
        EXPECT_FALSE(Remit::check(sdk::NameServer{address, 53, "vm"})) << address;
    EXPECT_FALSE(Remit::check(sdk::NameServer{"127.0.0.1", 0, "vm"}));
    EXPECT_FALSE(Remit::check(sdk::NameServer{"127.0.0.1", 53, "."}));
}

class RemitProcessTest : public RemitTest {
protected:
    RemitProcessTest() : child_(start()) { EXPECT_TRUE(child_); }
    ~RemitProcessTest() override { child_->end_group(); }
    static sdk::Result<sdk::os::Child> start()
    {
        sdk::os::Command command;
        command.argv = {"sleep", "1000"};
        return sdk::os::spawn(command);
    }
    [[nodiscard]] units::ScopeSpec scope() const { return {owner_, {child_->id()}}; }

    sdk::Result<sdk::os::Child> child_;
};

TEST_F(RemitProcessTest, AScopeIsForProcessesOfTheUsers)
{
    const auto checked = remit_.check(here_, scope());
    EXPECT_TRUE(checked) << checked.error().message;
    const auto others = Remit(::geteuid() + 1, anywhere).check(here_, scope());
    ASSERT_FALSE(others);
    EXPECT_EQ(others.error().code, Code::permission) << others.error().message;
}

TEST_F(RemitProcessTest, OneInNoSessionOfTheUsersIsRefused)
{
    const Remit elsewhere(::geteuid(), [](std::string_view group, uid_t user) {
        EXPECT_EQ(group, base::group_of(::getpid()).value_or("none"));
        EXPECT_EQ(user, ::geteuid());
        return false;
    });
    const auto refused = elsewhere.check(here_, scope());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::permission);
    EXPECT_NE(refused.error().message.find("in no session of the user's"), std::string::npos) << refused.error().message;
}

TEST_F(RemitProcessTest, OneThatHasEndedIsNotTakenForItsSuccessor)
{
    auto reused = scope();
    ++reused.processes.front().start_time;
    expect_refused(reused, Code::not_found);
    const auto ended = scope();
    child_->end_group();
    expect_refused(ended, Code::not_found);
}

TEST_F(RemitProcessTest, TheirNumberIsBoundedAndNoneIsNoProcess)
{
    auto many = scope();
    many.processes.resize(17, child_->id());
    expect_refused(many, Code::invalid);
    many.processes.resize(16);
    EXPECT_TRUE(remit_.check(here_, many));
    expect_refused(units::ScopeSpec{owner_, {}}, Code::invalid);
    for (const pid_t pid : {0, -1})
        expect_refused(units::ScopeSpec{owner_, {{pid, 0}}}, Code::invalid);
}

TEST_F(RemitProcessTest, AMachineOfAnotherInstallationGetsNone)
{
    auto foreign = scope();
    foreign.owner.instance = "00000000";
    expect_refused(foreign, Code::permission);
    foreign = scope();
    foreign.owner.vm = "../0123456789";
    expect_refused(foreign, Code::invalid);
}

TEST_F(RemitTest, AnInstallationHasAnIdAndADirectoryOfTheUsers)
{
    for (const char* id : {"", "0123456", "012345678", "0123456G", "../../ab", "ABCDEF01"})
        EXPECT_FALSE(remit_.check(Installation{id, here_.vms_directory})) << id;
    for (const std::string& path : {std::string(), std::string("vms"), std::string("/"), here_.vms_directory + "/",
                                   here_.vms_directory + "/../vms", here_.vms_directory + "//x", std::string(5000, '/'),
                                   "/a\n" + here_.vms_directory, layer_})
        EXPECT_FALSE(remit_.check(Installation{here_.instance, path})) << path;
    const Remit others(::geteuid() + 1, anywhere);
    const auto foreign = others.check(here_);
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, Code::permission);
}

TEST_F(RemitTest, AVmIsOfTheInstallationThatAsksAndLiesInItsDirectory)
{
    auto other = owner_;
    other.instance = "00000000";
    EXPECT_FALSE(remit_.check(here_, other));
    for (const char* vm : {"", "0123456789ab/", "../../../etc", "0123456789aB", "root", "0123456789abc"}) {
        other = owner_;
        other.vm = vm;
        other.directory = here_.vms_directory + "/" + vm;
        EXPECT_FALSE(remit_.check(here_, other)) << vm;
    }
    for (const std::string& directory : {std::string("/etc"), host_.directory(), owner_.directory + "/", std::string()}) {
        other = owner_;
        other.directory = directory;
        EXPECT_FALSE(remit_.check(here_, other)) << directory;
    }
}

TEST_F(RemitTest, WhatAVmHadIsReleasedWhenItsDirectoryIsGone)
{
    ASSERT_TRUE(sdk::os::remove_tree(owner_.directory));
    EXPECT_TRUE(remit_.handle(here_, {"storage/0", "dm", "root", owner_, {}}));
}

TEST_F(RemitTest, OfAHandleOnlyOwnerAndKeyCount)
{
    const auto handle = remit_.handle(here_, {"storage/0", "dm", "root", owner_, {{"dm_name", "somebodys"}, {"pid", "1"}}});
    ASSERT_TRUE(handle);
    EXPECT_EQ(handle->key, "root");
    EXPECT_TRUE(handle->bound.empty());
    for (const std::string& key : {std::string(), std::string("../x"), std::string("a b"), std::string("a\0b", 3),
                                  std::string(33, 'a'), std::string(100'000, 'a')})
        EXPECT_FALSE(remit_.handle(here_, {"storage/0", "dm", key, owner_, {}})) << key.size();
}

TEST_F(RemitTest, SymbolicLinksAreFollowedForNobody)
{
    const std::string link = host_.directory() + "/link";
    ASSERT_EQ(::symlink(layer_.c_str(), link.c_str()), 0);
    auto spec = disk();
    spec.layer.path = link;
    expect_refused(spec, Code::permission);

    ASSERT_EQ(::symlink(host_.directory().c_str(), (host_.directory() + "/way").c_str()), 0);
    spec.layer.path = host_.directory() + "/way/layer";
    expect_refused(spec, Code::permission);

    EXPECT_FALSE(remit_.check(Installation{here_.instance, host_.directory() + "/way/vms"}));
    ASSERT_EQ(::rmdir(owner_.directory.c_str()), 0);
    ASSERT_EQ(::symlink("/etc", owner_.directory.c_str()), 0);
    expect_refused(owner_, Code::permission);

    auto frozen = freeze();
    frozen.disk.owner = host_.new_owner();
    frozen.layer_path = host_.directory() + "/way/frozen";
    expect_refused(frozen, Code::permission);
    spec = disk();
}

TEST_F(RemitTest, LayersAreFilesOfTheUsersOrRoots)
{
    const std::string fifo = host_.directory() + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string& path : {fifo, std::string("/dev/null"), std::string("/dev/mapper/control"), host_.directory(),
                                   std::string("/proc/self/mem"), std::string("relative")}) {
        auto spec = disk();
        spec.layer.path = path;
        if (path.front() == '/' && !sdk::os::exists(path))
            continue;  // a host may have no device-mapper
        EXPECT_FALSE(remit_.check(here_, spec)) << path;
        EXPECT_FALSE(remit_.check_own({path, 1, "raw"})) << path;
    }
    auto spec = disk();
    spec.layer.path = "/etc/passwd";  // root's, and everybody's to read
    EXPECT_TRUE(remit_.check(here_, spec));
    if (::geteuid() != 0) {
        EXPECT_FALSE(remit_.check_own({"/etc/passwd", 1, "raw"}));
    }
    const Remit others(::geteuid() + 1, anywhere);
    const auto foreign = others.check_own({layer_, 4096, "raw"});
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, Code::permission);
}

TEST_F(RemitTest, AMissingLayerIsTheProvidersToMiss)
{
    auto spec = disk();
    spec.layer.path = host_.directory() + "/gone";
    EXPECT_TRUE(remit_.check(here_, spec));
}

TEST_F(RemitTest, WordsAndLengthsHaveABound)
{
    for (const std::string& role : {std::string(), std::string("a/b"), std::string(".."), std::string(33, 'r')}) {
        auto spec = disk();
        spec.role = role;
        expect_refused(spec, Code::invalid);
    }
    for (const std::string& word : {std::string(), std::string("disk raw"), std::string(65, 'd'), std::string("disk:\n")}) {
        auto spec = disk();
        spec.format = word;
        expect_refused(spec, Code::invalid);
        spec = disk();
        spec.layer.format = word;
        expect_refused(spec, Code::invalid);
        expect_refused(sdk::LinkSpec{owner_, sdk::Egress::all, word}, Code::invalid);
    }
    for (const std::uint64_t bytes : {(std::uint64_t{1} << 48U) + 1, ~std::uint64_t{0}}) {
        auto spec = disk();
        spec.bytes = bytes;
        expect_refused(spec, Code::invalid);
        spec = disk();
        spec.layer.bytes = bytes;
        expect_refused(spec, Code::invalid);
        EXPECT_FALSE(remit_.check_own({layer_, bytes, "raw"}));
    }
}

TEST_F(RemitTest, AFrozenLayerGoesIntoADirectoryOfTheUsers)
{
    auto spec = freeze();
    for (const std::string& path : {std::string("frozen"), std::string("/"), std::string("/etc/frozen"), host_.vms_directory() + "/..",
                                   host_.vms_directory() + "/a\x01"}) {
        spec.layer_path = path;
        if (::geteuid() == 0 && path == "/etc/frozen")
            continue;  // where it is the user's own
        EXPECT_FALSE(remit_.check(here_, spec)) << path;
    }
}

TEST_F(RemitTest, AJailIsGivenWhatTheUserCouldOpen)
{
    sdk::JailSpec good{owner_, {"/vmm", "--id", "a b$c"}, "/vm", "console", "log",
                       {{"/vm", owner_.directory, true}, {"/kernel", layer_, false}, {"/dev/null", "/dev/null", true}}};
    EXPECT_TRUE(remit_.check(here_, good));
    const auto with = [&](const auto& change) {
        auto spec = good;
        change(spec);
        return spec;
    };
    const std::string link = host_.directory() + "/link";
    ASSERT_EQ(::symlink(layer_.c_str(), link.c_str()), 0);
    expect_refused(with([&](auto& spec) { spec.files[1].source = link; }), Code::permission);
    expect_refused(with([&](auto& spec) { spec.files[1].source = host_.directory() + "/gone"; }), Code::not_found);
    expect_refused(with([](auto& spec) { spec.owner.instance = "00000000"; }), Code::permission);
    for (const char* path : {"", "kernel", "/", "/../kernel", "/a//b", "/vm/kernel", "/vm", "/kernel/x"})
        expect_refused(with([&](auto& spec) { spec.files[1].inside = path; spec.files[2].inside = "/kernel"; }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.argv.clear(); }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.argv[0] = "vmm"; }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.argv.assign(65, "/x"); }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.argv[1].assign(5000, 'x'); }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.argv[1].push_back('\0'); }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.directory = "vm"; }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.output = "../console"; }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.errors = ""; }), Code::invalid);
    expect_refused(with([](auto& spec) { spec.files.assign(65, spec.files[1]); }), Code::invalid);
    if (::geteuid() != 0)
        expect_refused(with([](auto& spec) { spec.files[1].source = "/etc/shadow"; }), Code::permission);
}

}  // namespace
}  // namespace banger::privd
