// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Sessions of a real machine, one for all of it, while clients and daemons die.
#include <gmock/gmock.h>

#include <array>
#include <csignal>
#include <ctime>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "tests/e2e/screen.hpp"

namespace banger::e2e {
namespace {

using ::testing::HasSubstr;

/// Whether the ext4 file system on a qcow2 disk was left without being unmounted: EXT4_FEATURE_INCOMPAT_RECOVER in s_feature_incompat
/// (the kernel's Documentation/filesystems/ext4/super.rst).
bool needs_recovery(const std::string& disk)
{
    constexpr std::size_t super_block = 1024;
    constexpr std::size_t feature_incompat = super_block + 0x60;
    constexpr unsigned char recover = 0x4;
    const std::string beginning = disk + ".beginning";
    sdk::os::Command command;
    command.argv = {"qemu-img", "dd", "-f", "qcow2", "-O", "raw", "bs=4096", "count=1", "if=" + disk, "of=" + beginning};
    const auto copied = sdk::os::run(command);
    EXPECT_TRUE(copied && copied->status == 0) << (copied ? copied->err : copied.error().message);
    const auto bytes = sdk::os::read_file(beginning).value_or("");
    (void)sdk::os::remove_tree(beginning);
    EXPECT_GT(bytes.size(), feature_incompat);
    return bytes.size() <= feature_incompat || (static_cast<unsigned char>(bytes[feature_incompat]) & recover) != 0;
}

class Sessions : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        host = new Installation;
        const auto created = host->banger({"vm", "create", "--name", "web", "--ready", "agent"});
        ASSERT_EQ(created.status, 0) << created.err;
    }
    static void TearDownTestSuite()
    {
        delete host;
        host = nullptr;
    }

    static Called session(std::vector<std::string> words, const std::string& input = {})
    {
        words.insert(words.begin(), {"vm", "session"});
        CallOptions options;
        options.input = input;
        return host->banger(words, options);
    }
    static void start(const std::string& name, const std::string& script)
    {
        const auto started = session({"start", "--name", name, "web", "--", "sh", "-c", script});
        ASSERT_EQ(started.status, 0) << started.err;
        EXPECT_EQ(started.out, name + " in web is started\n");
    }
    static json::Document facts(const std::string& name) { return host->json({"vm", "session", "show", "web", name}); }
    static std::string in_guest(const std::string& script)
    {
        const auto ran = host->banger({"vm", "exec", "web", "--", "sh", "-c", script});
        EXPECT_EQ(ran.status, 0) << ran.err;
        return ran.out;
    }

    static Installation* host;
};
Installation* Sessions::host = nullptr;

TEST_F(Sessions, SurviveTheirClientAndTheDaemonsDeath)
{
    start("build", "echo begun; read line; echo got $line; exit 7");
    {
        Screen client(*host, {"vm", "session", "attach", "web", "build"});
        ASSERT_TRUE(client.shows("begun")) << client.seen();
        host->kill_daemon();
        EXPECT_EQ(client.wait(), 125) << client.seen();
    }
    EXPECT_EQ(json::string_or(facts("build"), "state"), "running");
    EXPECT_EQ(session({"logs", "web", "build"}).out, "begun\n");
    EXPECT_EQ(session({"send", "web", "build", "words"}).status, 0);
    const auto attached = session({"attach", "web", "build"});
    EXPECT_EQ(attached.status, 7) << attached.err;
    EXPECT_EQ(attached.out, "begun\ngot words\n");
    EXPECT_THAT(attached.err, HasSubstr("session 'build' has ended with status 7"));
    const auto ended = facts("build");
    EXPECT_EQ(json::string_or(ended, "state"), "ended");
    EXPECT_EQ(json::find_int(ended, "exit_code"), 7);
    EXPECT_EQ(session({"attach", "web", "build"}).out, "begun\ngot words\n") << "also of one that has ended";
    const auto late = session({"send", "web", "build", "words"});
    EXPECT_EQ(late.status, 1);
    EXPECT_THAT(late.err, HasSubstr("session 'build' has ended"));
}

TEST_F(Sessions, OnePersonHasTheInputAndOthersWatch)
{
    const auto started = session({"start", "--tty", "--name", "shell", "web", "--", "bash", "--norc"});
    ASSERT_EQ(started.status, 0) << started.err;
    Screen owner(*host, {"vm", "session", "attach", "web", "shell"}, 91);
    owner.type("stty size\n");
    ASSERT_TRUE(owner.shows("24 91")) << owner.seen();
    Screen viewer(*host, {"vm", "session", "attach", "--view", "web", "shell"});
    Screen follower(*host, {"vm", "session", "logs", "-f", "web", "shell"});
    ASSERT_TRUE(viewer.shows("24 91")) << viewer.seen();
    ASSERT_TRUE(follower.shows("24 91")) << follower.seen();
    const auto refused = session({"attach", "web", "shell"});
    EXPECT_EQ(refused.status, 125);
    EXPECT_THAT(refused.err, HasSubstr("somebody is attached to session 'shell' already"));
    EXPECT_THAT(refused.err, HasSubstr("--view"));
    owner.type("echo $((6*7))\n");
    for (Screen* screen : {&owner, &viewer, &follower})
        EXPECT_TRUE(screen->shows("42")) << screen->seen();
    EXPECT_THAT(refused.err, HasSubstr("--steal"));
    Screen thief(*host, {"vm", "session", "attach", "--steal", "web", "shell"}, 77);
    EXPECT_EQ(owner.wait(), 125) << owner.seen();
    EXPECT_THAT(owner.seen(), HasSubstr("somebody else has taken session 'shell' over"));
    thief.type("stty size\n");
    ASSERT_TRUE(thief.shows("24 77")) << thief.seen();
    thief.type("\x10\x11");
    EXPECT_EQ(thief.wait(), 0) << thief.seen();
    EXPECT_THAT(thief.seen(), HasSubstr("goes on without us"));
    EXPECT_FALSE(json::bool_or(facts("shell"), "attached"));
    const auto stopped = session({"stop", "web", "shell"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    viewer.wait();
    EXPECT_EQ(follower.wait(), 0);
}

TEST_F(Sessions, AreStoppedKilledAndListed)
{
    start("polite", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done");
    start("rude", "trap '' TERM; echo up; while :; do sleep 0.1; done");
    for (const char* name : {"polite", "rude"}) {
        Screen ready(*host, {"vm", "session", "logs", "-f", "web", name});
        ASSERT_TRUE(ready.shows("up")) << ready.seen();
        ready.type("\x03");
        ready.wait();
    }
    EXPECT_EQ(session({"stop", "web", "polite"}).out, "polite in web has ended with status 3\n");
    EXPECT_EQ(session({"stop", "--timeout", "1s", "web", "rude"}).out, "rude in web was ended by signal KILL\n");
    start("signalled", "exec sleep 1000");
    EXPECT_EQ(session({"kill", "--signal", "INT", "web", "signalled"}).status, 0);
    EXPECT_EQ(session({"attach", "web", "signalled"}).status, 128 + SIGINT);
    const auto list = session({"list"});
    EXPECT_EQ(list.status, 0) << list.err;
    EXPECT_THAT(list.out, ::testing::ContainsRegex("polite +ended 3 +web"));
    EXPECT_THAT(list.out, ::testing::ContainsRegex("signalled +ended by INT +web"));
    const auto missing = session({"start", "--require", "no-such-tool", "web", "--", "true"});
    EXPECT_EQ(missing.status, 1);
    EXPECT_THAT(missing.err, HasSubstr("the session needs 'no-such-tool', which is not in the guest"));
    EXPECT_EQ(session({"start", "--cwd", "/nowhere", "web", "--", "true"}).status, 1);
    const auto nobody = session({"start", "--user", "nobody", "--env", "A=1", "--name", "who", "web", "--", "sh", "-c",
                                 "id -un; echo $A; pwd"});
    EXPECT_EQ(nobody.status, 0) << nobody.err;
    EXPECT_EQ(session({"logs", "-f", "web", "who"}).out, "nobody\n1\n/\n");
}

TEST_F(Sessions, AFullDiskAndAWrongClockDoThemNoHarm)
{
    start("before", "read line; head -c 100000 /dev/zero | tr '\\0' x; echo; exit 4");
    in_guest("fallocate -l $(($(stat -f -c '%a * %S' /) - 8388608)) /full; cat /dev/zero >/fuller 2>/dev/null || true; "
             "date -s 2044-01-01 >/dev/null");
    const auto started = session({"start", "--name", "cramped", "web", "--", "sh", "-c", "echo words; exit 5"});
    EXPECT_EQ(started.status, 0) << started.err;
    EXPECT_THAT(started.err, HasSubstr("256 KiB of its output are kept, in the machine's memory: "));
    EXPECT_THAT(started.err, HasSubstr("No space left"));
    const auto cramped = session({"attach", "web", "cramped"});
    EXPECT_EQ(cramped.status, 5) << cramped.err;
    EXPECT_EQ(cramped.out, "words\n");
    EXPECT_EQ(session({"send", "web", "before", "go"}).status, 0);
    const auto before = session({"attach", "web", "before"});
    EXPECT_EQ(before.status, 4) << before.err;
    EXPECT_EQ(before.out.size(), 100'001U) << "its room was taken when there was some";
    const auto shown = facts("cramped");
    EXPECT_THAT(json::string_or(shown, "log_problem"), HasSubstr("No space left"));
    std::array<char, 8> year{};
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ASSERT_EQ(std::strftime(year.data(), year.size(), "%Y-", ::gmtime_r(&now, &parts)), 5U);
    EXPECT_THAT(json::string_or(shown, "started"), ::testing::StartsWith(year.data()));
    EXPECT_LT(json::uint_or(shown, "ran_ms"), 60'000U);
    in_guest("rm /full /fuller");
}

TEST_F(Sessions, ADiskThatStandsStillHoldsUpNobodyElse)
{
    start("flood", "read line; head -c 20000000 /dev/zero | tr '\\0' x; echo; echo done; read line");
    in_guest("sync; fsfreeze --freeze /");
    EXPECT_EQ(session({"send", "web", "flood", "go"}).status, 0);
    EXPECT_EQ(in_guest("echo $((6*7))"), "42\n");
    EXPECT_EQ(json::string_or(facts("flood"), "state"), "running");
    EXPECT_LT(json::uint_or(facts("flood"), "written_bytes"), 8'000'000U);
    in_guest("fsfreeze --unfreeze /");
    Screen ready(*host, {"vm", "session", "logs", "-f", "web", "flood"});
    EXPECT_TRUE(ready.shows("done")) << "the rest of it";
    EXPECT_EQ(json::uint_or(facts("flood"), "written_bytes"), 20'000'006U);
    EXPECT_EQ(session({"kill", "web", "flood"}).status, 0);
    ready.wait();
}

TEST_F(Sessions, AGuestWithoutMemoryLosesTheSessionThatTookIt)
{
    EXPECT_EQ(in_guest("cat /proc/self/cgroup"), "0::/banger\n") << "and not in a scope of systemd's, which stops all of it for one";
    start("bystander", "echo here; exec sleep 1000");
    // A file in memory takes most of it at once; the rest is taken page by page.
    start("hungry", "head -c 200M /dev/zero >/dev/shm/most; exec tail /dev/zero");
    const auto hungry = session({"attach", "web", "hungry"});
    EXPECT_EQ(hungry.status, 128 + SIGKILL) << hungry.err;
    EXPECT_THAT(hungry.err, HasSubstr("session 'hungry' was ended by signal KILL"));
    in_guest("rm /dev/shm/most");
    EXPECT_EQ(json::string_or(facts("bystander"), "state"), "running") << session({"list"}).out;
    EXPECT_EQ(session({"logs", "web", "bystander"}).out, "here\n");
    EXPECT_EQ(session({"kill", "web", "bystander"}).status, 0);
}

TEST_F(Sessions, EndWithTheirMachineAndWhatTheyWroteStays)
{
    start("ended", "echo words; exit 6");
    EXPECT_EQ(session({"attach", "web", "ended"}).status, 6);
    start("ran", "echo here; exec sleep 1000");
    EXPECT_THAT(session({"list", "web"}).out, ::testing::ContainsRegex("ran +running"));
    in_guest("sync");
    ASSERT_EQ(host->banger({"vm", "kill", "web"}).status, 0);
    EXPECT_THAT(session({"list", "web"}).err, HasSubstr("is not running"));
    EXPECT_EQ(session({"list"}).out, "no sessions; start one with `banger vm session start`\n");
    ASSERT_EQ(host->banger({"vm", "start", "web"}).status, 0);
    EXPECT_EQ(json::string_or(facts("ran"), "state"), "lost");
    EXPECT_EQ(json::find_int(facts("ended"), "exit_code"), 6);
    EXPECT_EQ(session({"logs", "web", "ended"}).out, "words\n");
    const auto lost = session({"attach", "web", "ran"});
    EXPECT_EQ(lost.status, 125);
    EXPECT_EQ(lost.out, "here\n");
    EXPECT_THAT(lost.err, HasSubstr("the machine went off while session 'ran' ran"));

    start("late", "exec sleep 1000");
    const auto disk = host->vms() + "/" + json::string_or(host->json({"vm", "show", "web"}), "id") + "/root.qcow2";
    ASSERT_EQ(host->banger({"vm", "stop", "web"}).status, 0);
    if (sdk::os::exists(disk)) {  // with other storage it is another's format
        EXPECT_FALSE(needs_recovery(disk)) << "no log kept the root file system from being left as it should be";
    }
    ASSERT_EQ(host->banger({"vm", "start", "web"}).status, 0);
    EXPECT_EQ(json::string_or(facts("late"), "state"), "ended");
    EXPECT_EQ(json::string_or(facts("late"), "signal"), "TERM");
    EXPECT_TRUE(json::bool_or(facts("late"), "by_machine"));
}

}  // namespace
}  // namespace banger::e2e
