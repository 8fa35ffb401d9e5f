// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A host's disk that fills up under machines that run: VMs on a small file system of the test's own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr auto room_patience = 30s;

class SmallDisk {
public:
    explicit SmallDisk(std::string directory) : directory_(std::move(directory))
    {
        EXPECT_TRUE(sdk::os::make_private_directory(directory_));
        EXPECT_EQ(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=768m,mode=0700"), 0);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() { EXPECT_EQ(::umount2(directory_.c_str(), MNT_DETACH), 0); }

    void leave(std::uint64_t bytes) const
    {
        const auto free = sdk::os::free_bytes(directory_);
        ASSERT_TRUE(free && *free > bytes);
        const sdk::os::UniqueFd fd(::open(filler().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        const off_t filled = ::lseek(fd.get(), 0, SEEK_END);
        ASSERT_EQ(::posix_fallocate(fd.get(), filled, static_cast<off_t>(*free - bytes)), 0);
    }
    void make_room() const { EXPECT_TRUE(sdk::os::remove_file(filler())); }

private:
    [[nodiscard]] std::string filler() const { return directory_ + "/filler"; }
    std::string directory_;
};

// The daemon's log, from what it has seen on.
class Log {
public:
    explicit Log(const Installation& host) : path_(host.home() + "/run/bangerd.log") {}
    void forget() { seen_ = sdk::os::read_file(path_).value_or({}).size(); }
    [[nodiscard]] bool says(const std::string& text) const { return wait_for_text(path_, text, room_patience, seen_); }

private:
    std::string path_;
    std::size_t seen_ = 0;
};

std::string finding(const Installation& host, const std::string& name)
{
    const auto doctor = json::parse_object(host.banger({"-o", "json", "doctor"}).out, "doctor");
    if (doctor)
        for (const auto& check : json::find(*doctor, "checks")->GetArray())
            if (json::string_or(check, "name") == name)
                return json::string_or(check, "status") + ": " + json::string_or(check, "message");
    return {};
}

// The storage that keeps some room free: on it starts are refused before machines are paused.
bool has_reserve()
{
    const char* storage = std::getenv("BANGER_TEST_STORAGE");
    return storage != nullptr && std::string(storage) == "dm";
}

TEST(Room, WhenItGetsScarceMachinesStandUntilThereIsMore)
{
    // What storage-dm keeps free unless it is told otherwise is more than there is here. This is above the mark, as that is.
    Installation host("\n[daemon]\npause_below = \"256M\"\n[plugin.storage-dm]\nreserve_mib = 384\n");
    const SmallDisk disk(host.vms());
    Log log(host);
    const auto created = host.banger({"vm", "create", "--name", "web", "--ready", "agent"});
    ASSERT_EQ(created.status, 0) << created.err;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "hollow", "--vmm", "null"}).status, 0);
    const auto pid = pid_of(host, "web");
    const auto web = shown(host, "web", "id");
    const auto hollow = shown(host, "hollow", "id");
    EXPECT_EQ(finding(host, "paused machines"), "");
    EXPECT_THAT(finding(host, "disk space"), StartsWith("warning: "));

    if (has_reserve()) {
        disk.leave(320U << 20U);
        const auto early = host.banger({"vm", "create", "--name", "early", "--ready", "agent"});
        EXPECT_EQ(early.status, 1);
        EXPECT_THAT(early.err, HasSubstr("storage 'dm' keeps 384 MiB"));
        EXPECT_EQ(shown(host, "early", "id"), "") << "and nothing is left of it";
        EXPECT_EQ(shown(host, "web", "state"), "running") << "no VM starts any more, and those that run do so still";
    }
    disk.leave(128U << 20U);
    ASSERT_TRUE(log.says("vm " + web + " is paused until there is room again: only "));
    ASSERT_TRUE(log.says("vm " + hollow + " runs on, for its VMM cannot pause it"));
    EXPECT_EQ(shown(host, "web", "state"), "paused");
    EXPECT_THAT(host.banger({"vm", "list"}).out, HasSubstr("paused"));
    EXPECT_THAT(host.banger({"vm", "show", "web"}).out, HasSubstr("room on the host's disk"));
    EXPECT_EQ(shown(host, "hollow", "state"), "running");
    EXPECT_THAT(finding(host, "paused machines"), HasSubstr("1 is paused"));
    EXPECT_THAT(finding(host, "disk space"), StartsWith("failed: ")) << "of the disk that is full, and not of the home's";
    const auto exec = host.banger({"vm", "exec", "web", "--", "true"});
    EXPECT_EQ(exec.status, 125);
    EXPECT_THAT(exec.err, HasSubstr("paused until there is room"));
    EXPECT_LT(exec.took, 10s) << "it is said at once";
    const auto another = host.banger({"vm", "create", "--name", "another", "--ready", "agent"});
    EXPECT_EQ(another.status, 1);
    EXPECT_THAT(another.err, HasSubstr(has_reserve() ? "storage 'dm' keeps 384 MiB" : "no VM runs"));
    EXPECT_EQ(shown(host, "another", "id"), "") << "and nothing is left of it";

    // Nobody wrote down which stand: the next daemon finds out by itself.
    host.kill_daemon();
    log.forget();
    EXPECT_EQ(pid_of(host, "web"), pid);
    ASSERT_TRUE(log.says("vm " + web + " is paused until there is room again: only "));
    disk.make_room();
    ASSERT_TRUE(log.says("vm " + web + " goes on: there is room again"));
    EXPECT_EQ(shown(host, "web", "state"), "running");
    const auto again = host.banger({"vm", "exec", "web", "--", "true"});
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(pid_of(host, "web"), pid);

    // One whose guest boots when it happens is stopped again.
    ASSERT_EQ(host.banger({"vm", "create", "--name", "late", "--no-start"}).status, 0);
    auto start = std::async(std::launch::async, [&] { return host.banger({"vm", "start", "late"}); });
    ASSERT_TRUE(wait_for_text(host.vms() + "/" + shown(host, "late", "id") + "/console.log", "Linux version", room_patience));
    log.forget();
    disk.leave(128U << 20U);
    const auto late = start.get();
    EXPECT_EQ(late.status, 1);
    EXPECT_THAT(late.err, HasSubstr("no VM runs"));
    EXPECT_EQ(shown(host, "late", "state"), "stopped");

    // One that is to be stopped goes on for that.
    ASSERT_TRUE(log.says("vm " + web + " is paused"));
    const auto stopped = host.banger({"vm", "stop", "web"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    EXPECT_LT(stopped.took, 25s) << "its guest powered off by itself";
    disk.make_room();
    for (const char* vm : {"web", "hollow", "late"})
        EXPECT_EQ(host.banger({"vm", "delete", "-f", vm}).status, 0);
    expect_clean(host);
    host.stop_daemon();
}

}  // namespace
}  // namespace banger::e2e
