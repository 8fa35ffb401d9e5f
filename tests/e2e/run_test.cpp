// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The main job, on real machines: what a person types, and what comes back.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "banger/sdk/os/file.hpp"
#include "core/store/vm_store.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

std::string random_bytes(std::size_t count)
{
    std::mt19937_64 generator(count);
    std::string bytes(count, '\0');
    for (std::size_t i = 0; i + 8 <= count; i += 8) {
        const std::uint64_t word = generator();
        std::copy_n(reinterpret_cast<const char*>(&word), 8, bytes.data() + i);
    }
    return bytes;
}

TEST(Run, PrintsTheGuestsKernelAndLeavesNothing)
{
    const Installation host;
    auto run = host.banger({"vm", "run", "--rm", "--", "uname", "-r"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_NE(run.out.find("-cloud-amd64"), std::string::npos) << run.out;
    EXPECT_NE(run.err.find("spec:"), std::string::npos) << run.err;
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    expect_clean(host);
}

TEST(Run, TheHostnameIsTheName)
{
    const Installation host;
    auto run = host.banger({"vm", "run", "--name", "handles-test", "--", "cat", "/etc/hostname"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "handles-test\n");
    EXPECT_EQ(shown(host, "handles-test", "state"), "running") << "without --rm it is kept";
    expect_clean(host);
}

TEST(Run, TheGuestsStatusIsOurs)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "run", "--rm", "--ready", "agent", "--", "sh", "-c", "exit 42"}).status, 42);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "exit 42"}).status, 42);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "kill -TERM $$"}).status, 128 + 15);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "no-such-program"}).status, 127);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "/etc/hostname"}).status, 126);
    EXPECT_EQ(host.banger({"vm", "exec", "nobody", "--", "true"}).status, 125);
}

TEST(Run, NoCommandRunsInAMachineBeforeItIsOne)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "list"}).status, 0);
    auto create = sdk::os::spawn(host.command({"vm", "create", "--name", "a", "--ready", "agent"}));
    ASSERT_TRUE(create);
    // As fast as it goes, from before its row is there until a command runs: each is refused, or ran in the guest itself.
    bool seen_starting = false;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (Called tried; std::chrono::steady_clock::now() < deadline;) {
        tried = host.banger({"vm", "exec", "a", "--", "cat", "/etc/hostname"});
        if (tried.status == 0) {
            EXPECT_EQ(tried.out, "a\n");
            break;
        }
        EXPECT_EQ(tried.status, 125) << tried.err;
        seen_starting |= tried.err.find("vm 'a' is being created (") != std::string::npos;
    }
    EXPECT_TRUE(seen_starting);
    auto created = create->wait();
    ASSERT_TRUE(created);
    EXPECT_EQ(*created, 0);
}

TEST(Run, ArgumentsAndStreamsArriveIntact)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const std::string odd = "two  spaces 'single' \"double\" $HOME `x` \\ \n new line \t * \xc3\xa9 \xff end";
    auto echoed = host.banger({"vm", "exec", "a", "--", "printf", "%s|", odd, "", "-n"});
    EXPECT_EQ(echoed.out, odd + "||-n|");

    CallOptions one;
    one.input = "x";
    EXPECT_EQ(host.banger({"vm", "run", "--rm", "--ready", "agent", "--", "cat"}, one).out, "x");

    auto both = host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo out; echo err >&2"});
    EXPECT_EQ(both.out, "out\n");
    EXPECT_EQ(both.err, "err\n");

    CallOptions large;
    large.input = random_bytes(64U << 20U);
    auto back = host.banger({"vm", "exec", "a", "--", "cat"}, large);
    EXPECT_EQ(back.status, 0) << back.err;
    EXPECT_TRUE(back.out == large.input) << back.out.size() << " bytes came back";
}

TEST(Run, EnvironmentDirectoryAndUserAreThoseAskedFor)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent", "--env", "COLOUR=dark blue"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--env", "SIZE=8", "--cwd", "/usr", "--", "sh", "-c",
                           "echo $COLOUR $SIZE $PWD"})
                  .out,
              "dark blue 8 /usr\n");
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--user", "nobody", "--", "id", "-un"}).out, "nobody\n");
}

TEST(Run, TheSystemIsUpAndHasItsIdentity)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "create", "--name", "b"}).status, 0);
    auto state = host.banger({"vm", "exec", "a", "--", "systemctl", "is-system-running"});
    EXPECT_EQ(state.out, "running\n") << host.banger({"vm", "exec", "a", "--", "systemctl", "--failed"}).out;
    for (const char* identity : {"/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub"}) {
        auto a = host.banger({"vm", "exec", "a", "--", "cat", identity});
        auto b = host.banger({"vm", "exec", "b", "--", "cat", identity});
        EXPECT_EQ(a.status, 0) << a.err;
        EXPECT_NE(a.out, b.out) << identity << " is shared by two machines";
    }
    // journald names its directory when it starts: the identity was there before the init.
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "ls", "/run/log/journal"}).out,
              host.banger({"vm", "exec", "a", "--", "cat", "/etc/machine-id"}).out);
    // What the image has in /root is on the disk that is mounted over it.
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cmp", "/root/.bashrc", "/usr/share/base-files/dot.bashrc"}).status, 0);
    // The address that is shown is the guest's.
    const std::string address = shown(host, "a", "address");
    EXPECT_FALSE(address.empty());
    const std::vector<std::string> addresses{"vm", "exec", "a", "--", "hostname", "-I"};
    EXPECT_EQ(host.banger(addresses).out.rfind(address + " ", 0), 0U) << host.banger(addresses).out;
    auto size = host.banger({"vm", "exec", "a", "--", "df", "--output=size", "-BM", "/", "/root"});
    EXPECT_GE(std::stoi(size.out.substr(size.out.find('\n') + 1)), 3800) << size.out;
    auto ssh = host.banger({"vm", "ssh", "a", "--", "echo over $SSH_CONNECTION && hostname"});
    EXPECT_EQ(ssh.status, 0) << ssh.err;
    EXPECT_NE(ssh.out.find("\na\n"), std::string::npos) << ssh.out;
    EXPECT_EQ(host.banger({"vm", "ssh", "a", "--", "exit 7"}).status, 7);
    EXPECT_EQ(host.banger({"vm", "ssh", "a", "--", "exit 255"}).status, 255);
    // Without its server, and without its machine, there is no guest's status.
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "systemctl", "stop", "ssh.service", "ssh.socket"}).status, 0);
    auto deaf = host.banger({"vm", "ssh", "a", "--", "true"});
    EXPECT_EQ(deaf.status, 125) << deaf.err;
    ASSERT_EQ(host.banger({"vm", "stop", "--timeout", "0", "a"}).status, 0);
    auto stopped = host.banger({"vm", "ssh", "a", "--", "true"});
    EXPECT_EQ(stopped.status, 125);
    EXPECT_NE(stopped.err.find("'a' is not running"), std::string::npos) << stopped.err;
    EXPECT_EQ(stopped.err.find("kex_exchange"), std::string::npos) << stopped.err;
}

TEST(Run, AGuestWithoutAnInitOfItsOwnGetsOursAndStopsCleanly)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--init", "banger"}).status, 0);
    auto comm = host.banger({"vm", "exec", "a", "--", "sh", "-c", "cat /proc/1/comm; ls /run/systemd/system 2>&1"});
    EXPECT_EQ(comm.out.find("systemd\n"), std::string::npos) << comm.out;
    // An orphan is reaped by our init: no zombie stays.
    host.banger({"vm", "exec", "a", "--", "sh", "-c", "(sleep 0.2 &) ; exit 0"});
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /var/f; sleep 1"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "grep -l '^State:.Z' /proc/[0-9]*/status"}).out, "");
    auto stopped = host.banger({"vm", "stop", "a"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/var/f"}).out, "kept\n");
}

TEST(Run, DetachedReturnsTheName)
{
    const Installation host;
    auto detached = host.banger({"vm", "run", "-d", "--name", "a", "--ready", "agent"});
    EXPECT_EQ(detached.out, "a\n") << detached.err;
}

TEST(Run, CreateInASubstitutionReturnsAlthoughItStartedTheDaemonAndTheMachine)
{
    const Installation host;
    ASSERT_EQ(host.daemon_pid(), 0);
    sdk::os::Command shell;
    // Its standard error is a pipe that is read to the end: whoever keeps either stream keeps us waiting.
    shell.argv = {"sh", "-c", "x=$(\"$0\" vm create --name b --ready agent); echo got $x",
                  host.command({}).argv.front()};
    shell.environment = {{"BANGER_HOME", host.home()}};
    auto output = sdk::os::run(shell);
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->out, "got b\n") << output->err;
    EXPECT_EQ(shown(host, "b", "state"), "running");
}

TEST(Run, TheFirstCallStartsADaemonThatHoldsNoDescriptorOfTheCaller)
{
    const Installation host;
    host.stop_daemon();
    sdk::os::Command shell;
    shell.argv = {"sh", "-c", "x=$(\"$0\" vm list); echo done", host.command({}).argv.front()};
    shell.environment = {{"BANGER_HOME", host.home()}};
    auto output = sdk::os::run(shell);
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->out, "done\n");
    EXPECT_NE(host.daemon_pid(), 0);
}

TEST(Run, EightMachinesAreMadeInParallelAndAllAnswer)
{
    const Installation host;
    sdk::os::Command shell;
    shell.argv = {"sh", "-c",
                  "for i in 1 2 3 4 5 6 7 8; do \"$0\" vm create --name m$i --ready agent & done; wait; "
                  "for i in 1 2 3 4 5 6 7 8; do \"$0\" vm exec m$i -- hostname; done",
                  host.command({}).argv.front()};
    shell.environment = {{"BANGER_HOME", host.home()}};
    sdk::os::RunLimits limits;
    limits.timeout = std::chrono::minutes(5);
    auto output = sdk::os::run(shell, {}, limits);
    ASSERT_TRUE(output) << output.error().message;
    std::string wanted;
    for (int i = 1; i <= 8; ++i)
        wanted += "m" + std::to_string(i) + "\n";
    EXPECT_TRUE(output->out.ends_with(wanted)) << output->out << output->err;
    expect_clean(host);
}

TEST(Run, EachOperationKeepsWhereItsTimeWent)
{
    const Installation host("\n[backends]\nvmm = \"null\"\n");
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    const std::string id = shown(host, "a", "id");
    ASSERT_EQ(host.banger({"vm", "stop", "a"}).status, 0);
    // What is still being released keeps nobody from going on.
    const auto started = host.banger({"vm", "start", "a"});
    EXPECT_EQ(started.status, 0) << started.err;
    ASSERT_EQ(host.banger({"vm", "delete", "-f", "a"}).status, 0);
    const auto named_anew = host.banger({"vm", "create", "--no-start", "--name", "a"});
    EXPECT_EQ(named_anew.status, 0) << named_anew.err;
    EXPECT_NE(shown(host, "a", "id"), id);
    ASSERT_EQ(host.banger({"vm", "delete", "a"}).status, 0);
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    EXPECT_NE(host.banger({"vm", "show", "a"}).err.find("there is no vm 'a'"), std::string::npos);
    expect_clean(host);
    ASSERT_EQ(host.banger({"image", "pull", "debian-bookworm-minimal"}).status, 0);
    host.stop_daemon();
    const store::VmStore store(host.home() + "/state/banger.db", host.vms());
    std::map<std::string, std::set<std::string>> spans;
    for (const auto& vm : {id, std::string()}) {
        auto operations = store.operations(vm, 100);
        ASSERT_TRUE(operations);
        for (const auto& operation : *operations)
            for (const auto& span : operation.spans) {
                spans[operation.verb].insert(span.name);
                EXPECT_LE(span.start_us + span.duration_us, operation.duration_us) << operation.verb << ": " << span.name;
            }
    }
    EXPECT_EQ(spans["vm.create"].count("attach disks"), 1U);
    EXPECT_EQ(spans["vm.stop"].count("end the machine"), 1U);
    EXPECT_EQ(spans["teardown"].count("release"), 1U);
    EXPECT_EQ(spans["teardown"].count("remove disks"), 1U);
    EXPECT_EQ(spans["image.pull"].count("pull"), 1U);
}

// As whoever reads the README runs it: in the places of the XDG Base Directory Specification.
TEST(Run, WithoutABangerHomeItLivesInTheUsersDirectories)
{
    const Installation seeded;
    const std::string home = seeded.home() + "/user";
    const std::string runtime = seeded.home() + "/runtime";
    std::filesystem::create_directories(home + "/.config/banger");
    std::filesystem::create_directories(home + "/.local/state");
    ASSERT_TRUE(sdk::os::make_private_directory(runtime));
    std::filesystem::copy_file(seeded.home() + "/config.toml", home + "/.config/banger/config.toml");
    std::filesystem::rename(seeded.home() + "/state", home + "/.local/state/banger");
    ASSERT_TRUE(sdk::os::make_private_directory(seeded.home() + "/state"));
    CallOptions options;
    options.environment = {{"BANGER_HOME", ""},     {"HOME", home},         {"XDG_RUNTIME_DIR", runtime},
                           {"XDG_CONFIG_HOME", ""}, {"XDG_STATE_HOME", ""}, {"XDG_CACHE_HOME", ""}};
    auto run = seeded.banger({"vm", "run", "--rm", "--ready", "agent", "--", "uname", "-s"}, options);
    EXPECT_EQ(run.out, "Linux\n") << run.err;
    auto audit = seeded.banger({"audit"}, options);
    EXPECT_EQ(audit.status, 0) << audit.out << audit.err;
    EXPECT_TRUE(sdk::os::exists(runtime + "/banger/bangerd.sock"));
    EXPECT_TRUE(sdk::os::exists(home + "/.local/state/banger/banger.db"));
    EXPECT_TRUE(sdk::os::exists(home + "/.cache/banger"));
    EXPECT_EQ(seeded.banger({"daemon", "stop"}, options).status, 0);
}

TEST(Run, TwoInstallationsSideBySideDoNotSeeEachOther)
{
    const Installation one;
    const Installation two;
    ASSERT_EQ(one.banger({"vm", "create", "--name", "same", "--ready", "agent"}).status, 0);
    ASSERT_EQ(two.banger({"vm", "create", "--name", "same", "--ready", "agent"}).status, 0);
    EXPECT_NE(one.instance(), two.instance());
    ASSERT_EQ(one.banger({"vm", "delete", "-f", "same"}).status, 0);
    EXPECT_EQ(one.banger({"audit", "--repair"}).status, 0);
    EXPECT_EQ(two.banger({"vm", "exec", "same", "--", "hostname"}).out, "same\n");
    expect_clean(two);
}

}  // namespace
}  // namespace banger::e2e
