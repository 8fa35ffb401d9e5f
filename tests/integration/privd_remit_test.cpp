// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Tries to have the root helper of this host do what is not its user's, as that user. The lab has one, and foreign things to
// touch: tests/lab/sets/privd looks at those afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/base/control_group.hpp"
#include "core/plugins/kinds.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using sdk::testing::FakeHost;

std::string environment(const char* name)
{
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): it is never changed
    return value == nullptr ? "" : value;
}

constexpr std::uint64_t disk_bytes = 1U << 20U;

class PrivdRemitTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (environment("BANGER_TEST_FOREIGN_INSTANCE").empty())
            GTEST_SKIP() << "there is nothing here that is not to be touched: see tests/lab/sets/privd";
        storage_ = open<sdk::Storage>(host_.instance(), "dm");
        ASSERT_TRUE(sdk::os::write_file_atomic(layer_, std::string(disk_bytes, 'x')));
    }
    template <typename Interface>
    [[nodiscard]] std::unique_ptr<Interface> open(const std::string& instance, const char* name) const
    {
        auto made = stand_in(rpc::helper::socket, {instance, host_.vms_directory()})(
            {std::string(plugins::kind_of<Interface>), name});
        EXPECT_TRUE(made);
        return std::unique_ptr<Interface>(dynamic_cast<Interface*>(made->release()));
    }
    [[nodiscard]] sdk::DiskSpec over(const std::string& layer) const
    {
        return {host_.new_owner(), "root", {layer, disk_bytes, "raw"}, disk_bytes, "disk:raw"};
    }
    // Neither made nor attached.
    void expect_out_of_reach(const std::string& layer)
    {
        const auto spec = over(layer);
        FakeCall call;
        const auto created = storage_->create(spec, call);
        if (!created)
            return;
        const auto attached = storage_->attach(spec, call);
        EXPECT_FALSE(attached) << layer;
        if (attached)
            (void)storage_->release(attached->handle);
        (void)storage_->destroy(spec.owner, spec.role);
    }

    static char first_byte_of(const std::string& path)
    {
        char first = 0;
        const sdk::os::UniqueFd disk(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        EXPECT_EQ(::read(disk.get(), &first, 1), 1) << path;
        return first;
    }

    FakeHost host_;
    FakeCall call_;
    std::string layer_ = host_.directory() + "/layer";
    std::unique_ptr<sdk::Storage> storage_;
};

TEST_F(PrivdRemitTest, NoOtherNamesThanOursAreRouted)
{
    const auto names = open<sdk::NetworkNames>(host_.instance(), "tap");
    for (const auto& server : {sdk::NameServer{"127.0.0.1", 42069, "com"}, {"127.0.0.1", 42069, "example.vm"}, {"192.0.2.1", 53, "vm"}}) {
        const auto routed = names->route(server, call_);
        ASSERT_FALSE(routed) << server.zone;
        EXPECT_EQ(routed.error().code, Code::permission) << routed.error().message;
    }
}

TEST_F(PrivdRemitTest, FilesThatTheUserCannotReadAreNoLayers)
{
    for (const char* name : {"BANGER_TEST_ROOTS_FILE", "BANGER_TEST_OTHERS_FILE"}) {
        const std::string path = environment(name);
        ASSERT_FALSE(path.empty());
        expect_out_of_reach(path);
        const std::string link = host_.directory() + "/link-" + name;
        ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
        expect_out_of_reach(link);
    }
    expect_out_of_reach("/etc/shadow");
    expect_out_of_reach("/dev/vda");
    expect_out_of_reach("/dev/mapper/control");
}

// Between the helper's look at a path and its use the user changes what is there, as fast as he can.
TEST_F(PrivdRemitTest, APathThatChangesUnderTheHelperLeadsNowhereElse)
{
    const std::string mine = host_.directory() + "/mine";
    const std::string theirs = host_.directory() + "/theirs";
    const std::string way = host_.directory() + "/way";
    ASSERT_EQ(::mkdir(mine.c_str(), 0700), 0);
    ASSERT_TRUE(sdk::os::write_file_atomic(mine + "/root-only", std::string(disk_bytes, 'x')));
    const std::string roots = environment("BANGER_TEST_ROOTS_FILE");
    ASSERT_EQ(::symlink(roots.substr(0, roots.rfind('/')).c_str(), theirs.c_str()), 0);
    ASSERT_EQ(::rename(mine.c_str(), way.c_str()), 0);
    std::atomic<bool> stop = false;
    std::thread changing([&] {
        while (!stop) {
            (void)::rename(way.c_str(), mine.c_str());
            (void)::rename(theirs.c_str(), way.c_str());
            (void)::rename(way.c_str(), theirs.c_str());
            (void)::rename(mine.c_str(), way.c_str());
        }
    });
    const auto spec = over(way + "/root-only");
    for (int tries = 0; tries < 40; ++tries) {
        (void)storage_->create(spec, call_);
        const auto attached = storage_->attach(spec, call_);
        if (attached) {
            EXPECT_EQ(first_byte_of(attached->value.path), 'x') << "these are root's bytes";
        }
        (void)storage_->release({"storage/0", "dm", "root", spec.owner, {}});
    }
    stop = true;
    changing.join();
    (void)storage_->destroy(spec.owner, "root");

    // Nothing but the change was in the way: how often a try came through is chance.
    const auto created = storage_->create(spec, call_);
    ASSERT_TRUE(created) << created.error().message;
    const auto attached = storage_->attach(spec, call_);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(first_byte_of(attached->value.path), 'x');
    EXPECT_TRUE(storage_->release(attached->handle));
    EXPECT_TRUE(storage_->destroy(spec.owner, "root"));
}

TEST_F(PrivdRemitTest, WhatRootHasUnderItsOwnIdIsNotReached)
{
    const std::string instance = environment("BANGER_TEST_FOREIGN_INSTANCE");
    sdk::Owner owner{instance, environment("BANGER_TEST_FOREIGN_VM"), {}};
    owner.directory = host_.vms_directory() + "/" + owner.vm;
    ASSERT_TRUE(sdk::os::make_private_directory(owner.directory));
    const auto storage = open<sdk::Storage>(instance, "dm");
    const auto network = open<sdk::Network>(instance, "tap");
    EXPECT_TRUE(storage->list().value_or({{}}).empty());
    EXPECT_TRUE(network->list().value_or({{}}).empty());
    const auto disk = storage->inspect({"storage/0", "dm", "root", owner, {}});
    ASSERT_TRUE(disk) << disk.error().message;
    EXPECT_FALSE(disk->present);
    EXPECT_TRUE(storage->release({"storage/0", "dm", "root", owner, {{"dm_name", "banger-" + instance + "-x"}}}));
    const sdk::Handle link{"network/0", "tap", "link", owner, {{"tap", "b" + instance + "-0"}}};
    EXPECT_FALSE(network->connect(link, call_));
    EXPECT_TRUE(network->release(link));
}

TEST_F(PrivdRemitTest, SomebodysDeviceOfTheDisksNameIsLeftAlone)
{
    const std::string instance = environment("BANGER_TEST_SQUATTED_INSTANCE");
    sdk::Owner owner{instance, environment("BANGER_TEST_FOREIGN_VM"), {}};
    owner.directory = host_.vms_directory() + "/" + owner.vm;
    ASSERT_TRUE(sdk::os::make_private_directory(owner.directory));
    const auto storage = open<sdk::Storage>(instance, "dm");
    const sdk::DiskSpec spec{owner, "root", {layer_, disk_bytes, "raw"}, disk_bytes, "disk:raw"};
    ASSERT_TRUE(storage->create(spec, call_));
    const auto attached = storage->attach(spec, call_);
    ASSERT_FALSE(attached);
    EXPECT_EQ(to_string(attached.error().code), to_string(Code::exists)) << attached.error().message;
    EXPECT_TRUE(storage->release({"storage/0", "dm", "root", owner, {}}));
}

TEST_F(PrivdRemitTest, ADiskIsTheUsersAndNobodyElses)
{
    const auto spec = over(layer_);
    ASSERT_TRUE(storage_->create(spec, call_));
    const auto attached = storage_->attach(spec, call_);
    ASSERT_TRUE(attached) << attached.error().message;
    struct stat node {};
    ASSERT_EQ(::stat(attached->value.path.c_str(), &node), 0);
    EXPECT_EQ(node.st_uid, ::geteuid());
    EXPECT_EQ(node.st_mode & 0007U, 0U);
    // The kernel's own node, which nobody can keep.
    struct stat name {};
    ASSERT_EQ(::lstat(attached->value.path.c_str(), &name), 0);
    EXPECT_TRUE(S_ISLNK(name.st_mode));
    struct stat data {};
    ASSERT_EQ(::stat((spec.owner.directory + "/root.cow").c_str(), &data), 0);
    EXPECT_EQ(data.st_uid, ::geteuid());
    EXPECT_TRUE(storage_->release(attached->handle));
    EXPECT_FALSE(sdk::os::exists(attached->value.path));
    EXPECT_TRUE(storage_->destroy(spec.owner, spec.role));
}

TEST_F(PrivdRemitTest, AProcessGetsAScopeThatIsTheUsersAndInASessionOfHis)
{
    const auto scopes = privd::scopes(rpc::helper::socket, {host_.instance(), host_.vms_directory()});
    const auto owner = host_.new_owner();
    const auto named = [](const char* variable) { return static_cast<pid_t>(std::atoi(environment(variable).c_str())); };
    // systemd's, the helper's, somebody's, one that the user's manager has started, and this one, which is in a service of root's.
    for (const pid_t pid : {1, named("BANGER_TEST_HELPER_PID"), named("BANGER_TEST_OTHERS_PID"), named("BANGER_TEST_MANAGERS_PID"),
                            ::getpid()}) {
        const auto process = sdk::os::identify(pid);
        ASSERT_TRUE(process) << process.error().message;
        const auto refused = scopes->start({owner, {*process}}, call_);
        ASSERT_FALSE(refused) << pid;
        EXPECT_EQ(to_string(refused.error().code), to_string(Code::permission)) << refused.error().message;
    }
    const auto process = sdk::os::identify(named("BANGER_TEST_USERS_PID"));
    ASSERT_TRUE(process) << process.error().message;
    const auto stale = scopes->start({owner, {{process->pid, process->start_time - 1}}}, call_);
    ASSERT_FALSE(stale);
    EXPECT_EQ(to_string(stale.error().code), to_string(Code::not_found)) << stale.error().message;
    const auto with_foreign = scopes->start({{"00000000", owner.vm, owner.directory}, {*process}}, call_);
    EXPECT_FALSE(with_foreign);
    ASSERT_TRUE(scopes->probe(call_));
    const auto name = scopes->start({owner, {*process}}, call_);
    ASSERT_TRUE(name) << name.error().message;
    EXPECT_EQ(base::group_of(process->pid).value_or(""), "/system.slice/" + *name);
    EXPECT_NE(name->find(owner.vm), std::string::npos) << *name;
    const auto again = scopes->start({owner, {*process}}, call_);
    ASSERT_FALSE(again) << "it is in a unit of root's now";
    EXPECT_EQ(to_string(again.error().code), to_string(Code::permission)) << again.error().message;
}

TEST_F(PrivdRemitTest, TheHelperIsOutOfItsUsersReach)
{
    const auto peer = sdk::os::connect_unix(rpc::helper::socket);
    ASSERT_TRUE(peer);
    const std::string pid = environment("BANGER_TEST_HELPER_PID");
    ASSERT_FALSE(pid.empty());
    EXPECT_NE(::kill(std::atoi(pid.c_str()), 0), 0) << "it can be signalled";
    EXPECT_FALSE(sdk::os::open_file("/proc/" + pid + "/mem", O_RDWR)) << "it can be read and written";
}

/// A shell in a jail of the helper's: what it says there.
class PrivdJailTest : public PrivdRemitTest {
protected:
    void SetUp() override
    {
        PrivdRemitTest::SetUp();
        if (IsSkipped())
            return;
        owner_ = host_.new_owner();
        jails_ = jails(rpc::helper::socket, {host_.instance(), host_.vms_directory()});
        // The paths that they really have, where / has links to them.
        files_ = {{"/sh", "/usr/bin/dash", false}, {"/lib", "/usr/lib", false}, {"/lib64", "/usr/lib64", false},
                  {"/vm", owner_.directory, true}};
    }
    sdk::Result<std::string> said(const std::string& script)
    {
        const std::string stream = owner_.directory + "/output";
        (void)::unlink(stream.c_str());
        if (::mkfifo(stream.c_str(), 0600) != 0)
            return sdk::os_error("make " + stream);
        const sdk::os::UniqueFd output(::open(stream.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        auto started = jails_->start({owner_, {"/sh", "-c", script}, "/vm", "output", "output", files_}, call_);
        if (!started)
            return std::move(started).error();
        process_ = *started;
        std::string text;
        for (;;) {
            pollfd watch{output.get(), POLLIN, 0};
            std::array<char, 4096> piece{};
            if (::poll(&watch, 1, 30'000) != 1)
                return sdk::make_error(Code::timed_out, "it said '" + text + "' and does not end");
            const auto got = ::read(output.get(), piece.data(), piece.size());
            if (got <= 0)
                return text;
            text.append(piece.data(), static_cast<std::size_t>(got));
        }
    }

    sdk::Owner owner_;
    std::unique_ptr<sdk::Jails> jails_;
    std::vector<sdk::JailedFile> files_;
    sdk::os::ProcessId process_;
};

TEST_F(PrivdJailTest, InItThereIsWhatWasHandedInAndNobodyElse)
{
    ASSERT_TRUE(jails_->probe(call_));
    const auto all = said("echo /* . $$; kill -0 -1 && echo others; true >/new; true >/sh; true >/vm/made; echo ends");
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_NE(all->find("/lib /lib64 /sh /vm . 2\n"), std::string::npos) << *all;
    EXPECT_EQ(all->find("others"), std::string::npos) << *all;
    EXPECT_NE(all->find("cannot create /new: Read-only file system"), std::string::npos) << *all;
    EXPECT_NE(all->find("cannot create /sh: "), std::string::npos) << *all;
    EXPECT_NE(all->find("ends\n"), std::string::npos) << *all;
    struct stat made {};
    ASSERT_EQ(::stat((owner_.directory + "/made").c_str(), &made), 0);
    EXPECT_EQ(made.st_uid, ::geteuid());
    EXPECT_EQ(made.st_mode & 0777U, 0600U);
    EXPECT_TRUE(sdk::os::kill_and_wait(process_, 0, std::chrono::seconds(10))) << "what it was started for is over";
}

TEST_F(PrivdJailTest, ItsProcessIsTheUsersWithNoRightsToGain)
{
    // It waits for the end of what it reads.
    ASSERT_EQ(::mkfifo((owner_.directory + "/wait").c_str(), 0600), 0);
    std::string status;
    std::string group;
    std::thread looking([&] {
        const sdk::os::UniqueFd wait(::open((owner_.directory + "/wait").c_str(), O_WRONLY | O_CLOEXEC));
        const auto found = sdk::os::find_processes([&](const auto& arguments) { return arguments.front() == "/sh"; });
        if (!found || found->size() != 1)
            return;
        const std::string own = "/proc/" + std::to_string(found->front().pid);
        status = sdk::os::read_file(own + "/status").value_or("");
        group = sdk::os::read_file(own + "/cgroup").value_or("");
    });
    const auto all = said("read x </vm/wait");
    looking.join();
    ASSERT_TRUE(all) << all.error().message;
    const std::string user = std::to_string(::geteuid());
    EXPECT_NE(status.find("\nUid:\t" + user + "\t" + user + "\t" + user + "\t" + user + "\n"), std::string::npos) << status;
    EXPECT_NE(status.find("\nGroups:\t \n"), std::string::npos) << status;
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        EXPECT_NE(status.find("\n" + std::string(set) + ":\t0000000000000000\n"), std::string::npos) << status;
    EXPECT_NE(status.find("\nNoNewPrivs:\t1\n"), std::string::npos) << status;
    EXPECT_NE(group.find("/banger-jail-"), std::string::npos) << group;
    EXPECT_NE(group.find(owner_.vm), std::string::npos) << group;
}

TEST_F(PrivdJailTest, NothingGetsInThatTheUserCannotOpen)
{
    const auto expect_refused = [&](const sdk::JailedFile& file) {
        files_.push_back(file);
        const auto all = said("read x <" + file.inside + "; echo $x");
        EXPECT_FALSE(all) << file.source << ": " << (all ? *all : "");
        files_.pop_back();
    };
    expect_refused({"/x", environment("BANGER_TEST_ROOTS_FILE"), false});
    expect_refused({"/x", environment("BANGER_TEST_OTHERS_FILE"), false});
    expect_refused({"/x", "/etc/shadow", false});
    expect_refused({"/x", "/etc/passwd", true});
    expect_refused({"/x", "/dev/vda", false});
    const std::string link = host_.directory() + "/jailed-link";
    ASSERT_EQ(::symlink("/etc/passwd", link.c_str()), 0);
    expect_refused({"/x", link, false});
    // What root's process would make in the user's directory, by a link of his.
    ASSERT_EQ(::symlink("/etc", (owner_.directory + "/way").c_str()), 0);
    expect_refused({"/vm/way/made", "/etc/passwd", false});
    EXPECT_FALSE(sdk::os::exists("/etc/made"));
    const auto foreign = sdk::Owner{environment("BANGER_TEST_FOREIGN_INSTANCE"), owner_.vm, owner_.directory};
    EXPECT_FALSE(jails_->start({foreign, {"/sh"}, "/vm", "output", "output", files_}, call_));
}

TEST_F(PrivdJailTest, WhatIsNoProgramIsSaid)
{
    files_[0].source = layer_;
    const auto all = said("");
    ASSERT_FALSE(all);
    EXPECT_NE(all.error().message.find("run /sh"), std::string::npos) << all.error().message;
}

}  // namespace
}  // namespace banger::privd
