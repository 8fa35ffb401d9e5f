// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What survives: the daemon's death, the VMM's death, torn journals, lost databases.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

sdk::os::ProcessId vmm_of(const Installation& host, const std::string& vm)
{
    auto id = sdk::os::identify(static_cast<pid_t>(pid_of(host, vm)));
    EXPECT_TRUE(id);
    return id ? *id : sdk::os::ProcessId{};
}

std::string directory_of(const Installation& host, const std::string& vm)
{
    return host.vms() + "/" + shown(host, vm, "id");
}

TEST(Crash, WhatAGuestFsyncedSurvivesStopAndStart)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /root/f; echo also > /var/f"}).status, 0);
    auto stopped = host.banger({"vm", "stop", "a"});
    ASSERT_EQ(stopped.status, 0) << stopped.err;
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/root/f", "/var/f"}).out, "kept\nalso\n");
}

TEST(Crash, WhatAGuestFsyncedSurvivesTheDeathOfItsVmm)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /root/f && sync /root/f"}).status, 0);
    const auto vmm = vmm_of(host, "a");
    ASSERT_TRUE(sdk::os::kill_and_wait(vmm, SIGKILL, std::chrono::seconds(10)));
    auto started = host.banger({"vm", "start", "a"});
    ASSERT_EQ(started.status, 0) << started.err;
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/root/f"}).out, "kept\n");
    expect_clean(host);
}

TEST(Crash, AfterAKillWithAnySignalTheStateIsStoppedAndNothingIsHeld)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--no-start", "--ready", "agent"}).status, 0);
    for (const char* signal : {"", "TERM", "INT", "QUIT", "HUP"}) {
        SCOPED_TRACE(signal);
        ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
        const auto vmm = vmm_of(host, "a");
        std::vector<std::string> kill{"vm", "kill", "a"};
        if (*signal != '\0')
            kill.insert(kill.end(), {"--signal", signal});
        auto killed = host.banger(kill);
        ASSERT_EQ(killed.status, 0) << killed.err;
        EXPECT_FALSE(sdk::os::is_alive(vmm));
        EXPECT_EQ(shown(host, "a", "state"), "stopped");
        expect_clean(host);
    }
    auto refused = host.banger({"vm", "kill", "a", "--signal", "USR1"});
    EXPECT_EQ(refused.status, 2);
    EXPECT_NE(refused.err.find("USR1"), std::string::npos) << refused.err;
}

TEST(Crash, AVmSurvivesTheDeathOfTheDaemonAndIsAdopted)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const auto before = pid_of(host, "a");
    host.kill_daemon();
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "hostname"}).out, "a\n");
    EXPECT_EQ(pid_of(host, "a"), before);
    expect_clean(host);
    EXPECT_EQ(host.banger({"vm", "delete", "-f", "a"}).status, 0);
    expect_clean(host);
    EXPECT_TRUE(host.processes().size() <= 1U) << "only the daemon is left";
}

TEST(Crash, TheDaemonDiesInTheMiddleOfATransferAndTheNextTransferWorks)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const std::string large(64U << 20U, 'x');
    for (const bool into_guest : {true, false}) {
        // Neither can end by itself: the one takes a part of what comes, the other never stops. What was written before the
        // mark is more than all buffers between hold, so that the client has some of it.
        Called transferred;
        std::thread transfer([&] {
            CallOptions options;
            if (into_guest)
                options.input = large;
            transferred = host.banger({"vm", "exec", "a", "--", "sh", "-c",
                                       into_guest ? "head -c 16000000; echo begun >/dev/kmsg; sleep 100"
                                                  : "yes | head -c 16000000; echo begun again >/dev/kmsg; exec yes"},
                                      options);
        });
        EXPECT_TRUE(wait_for_text(directory_of(host, "a") + "/console.log", into_guest ? "begun" : "begun again",
                                  std::chrono::seconds(30)));
        host.kill_daemon();
        transfer.join();
        EXPECT_EQ(transferred.status, 125) << transferred.err;
        EXPECT_FALSE(transferred.out.empty()) << "nothing was under way";
        CallOptions next;
        next.input = large;
        auto back = host.banger({"vm", "exec", "a", "--", "cat"}, next);
        EXPECT_EQ(back.status, 0) << back.err;
        EXPECT_TRUE(back.out == large) << back.out.size();
    }
}

TEST(Crash, AMissingOrTornJournalIsRebuiltFromTheLiveProcesses)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const auto pid = pid_of(host, "a");
    const std::string journal = directory_of(host, "a") + "/handles.json";
    for (const bool torn : {false, true}) {
        host.kill_daemon();
        if (torn)
            ASSERT_TRUE(sdk::os::write_file_atomic(journal, "{\"version\": 1, \"handles\": [{\"ki"));
        else
            ASSERT_TRUE(sdk::os::remove_file(journal));
        EXPECT_EQ(pid_of(host, "a"), pid);
        expect_clean(host);
    }
    ASSERT_EQ(host.banger({"vm", "delete", "-f", "a"}).status, 0);
    expect_clean(host);
}

TEST(Crash, ALiveProcessIsPreferredOverTheFileAndTheFilesHandlesAreReleasedWhenItIsDead)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const auto vmm = vmm_of(host, "a");
    const std::string journal = directory_of(host, "a") + "/handles.json";
    // The file names a pid that is not the VMM's: the live VMM is found by asking its socket.
    auto text = sdk::os::read_file(journal);
    ASSERT_TRUE(text);
    std::string wrong = *text;
    const std::string pid = "\"" + std::to_string(vmm.pid) + "\"";
    ASSERT_NE(wrong.find(pid), std::string::npos);
    wrong.replace(wrong.find(pid), pid.size(), "\"1\"");
    host.kill_daemon();
    ASSERT_TRUE(sdk::os::write_file_atomic(journal, wrong));
    EXPECT_EQ(pid_of(host, "a"), static_cast<std::uint64_t>(vmm.pid));
    // Dead while no daemon looks: the next one walks the file's handles back.
    host.kill_daemon();
    ASSERT_TRUE(sdk::os::kill_and_wait(vmm, SIGKILL, std::chrono::seconds(10)));
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);
    EXPECT_TRUE(host.processes().size() <= 1U) << "its network helper is gone too";
}

TEST(Crash, ALostDatabaseIsRebuiltFromTheRecordsBesideTheDisks)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "create", "--name", "b", "--no-start"}).status, 0);
    host.kill_daemon();
    for (const char* suffix : {"", "-wal", "-shm"})
        ASSERT_TRUE(sdk::os::remove_file(host.home() + "/state/banger.db" + suffix));
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    EXPECT_NE(host.banger({"audit"}).status, 0) << "directories without rows";
    EXPECT_NE(host.banger({"audit", "--repair"}).status, 0) << "repair lists files, and removes none";
    auto recovered = host.banger({"vm", "recover"});
    EXPECT_EQ(recovered.status, 0) << recovered.err;
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "hostname"}).out, "a\n");
    EXPECT_EQ(shown(host, "b", "state"), "stopped");
    expect_clean(host);
}

TEST(Crash, ADamagedDatabaseIsMovedAsideOnlyOnRequest)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--no-start"}).status, 0);
    host.kill_daemon();
    const std::string database = host.home() + "/state/banger.db";
    for (const char* suffix : {"-wal", "-shm"})
        ASSERT_TRUE(sdk::os::remove_file(database + suffix));
    ASSERT_TRUE(sdk::os::write_file_atomic(database, std::string(20000, '#')));
    auto list = host.banger({"vm", "list"});
    EXPECT_EQ(list.status, 1);
    EXPECT_NE(list.err.find("damaged"), std::string::npos) << list.err;
    EXPECT_NE(list.err.find("--replace-database"), std::string::npos) << list.err;
    EXPECT_EQ(host.banger({"vm", "recover"}).status, 1);
    auto recovered = host.banger({"vm", "recover", "--replace-database"});
    EXPECT_EQ(recovered.status, 0) << recovered.err;
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);
}

TEST(Crash, AStopThatItsCallerLeavesIsNoPowerCut)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /root/f; echo also > /var/f"}).status, 0);
    auto child = sdk::os::spawn(host.command({"vm", "stop", "a"}));
    ASSERT_TRUE(child);
    // Once the daemon has begun, the record says so; then the caller goes away.
    ASSERT_TRUE(wait_for_text(directory_of(host, "a") + "/record.json", "\"desired\": \"stopped\"",
                              std::chrono::seconds(30)));
    child->kill_group(SIGTERM);
    ASSERT_TRUE(child->wait());
    EXPECT_EQ(host.banger({"vm", "stop", "a"}).status, 0) << "waits its turn, and finds it stopped";
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/root/f", "/var/f"}).out, "kept\nalso\n");
}

TEST(Crash, AStopWhoseDaemonDiesIsNoPowerCut)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /root/f; echo also > /var/f"}).status, 0);
    auto child = sdk::os::spawn(host.command({"vm", "stop", "a"}));
    ASSERT_TRUE(child);
    ASSERT_TRUE(wait_for_text(directory_of(host, "a") + "/record.json", "\"desired\": \"stopped\"",
                              std::chrono::seconds(30)));
    host.kill_daemon();
    ASSERT_TRUE(child->wait());
    EXPECT_EQ(shown(host, "a", "state"), "stopping") << "the next daemon goes on with it";
    EXPECT_EQ(host.banger({"vm", "stop", "a"}).status, 0) << "waits its turn, and finds it stopped";
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/root/f", "/var/f"}).out, "kept\nalso\n");
}

TEST(Crash, AStartWhoseDaemonDiesIsUndoneAtOnce)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--no-start"}).status, 0);
    const std::string record = directory_of(host, "a") + "/record.json";
    CallOptions options;
    options.environment["BANGER_FAULT"] = "kill:1@after vmm/0 " + usual_vmm() + " attach";
    for (const char* verb : {"start", "restart"}) {
        SCOPED_TRACE(verb);
        host.stop_daemon();
        EXPECT_NE(host.banger({"vm", verb, "a"}, options).status, 0);
        EXPECT_NE(sdk::os::read_file(record)->find("\"desired\": \"starting\""), std::string::npos);
        EXPECT_EQ(shown(host, "a", "state"), "stopped");
        EXPECT_EQ(shown(host, "a", "desired"), "stopped");
        expect_clean(host);
    }
}

TEST(Crash, AStopWithoutPatienceKeepsWhatWasWritten)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /root/f; echo also > /var/f"}).status, 0);
    auto stopped = host.banger({"vm", "stop", "--timeout", "0", "a"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    EXPECT_LT(stopped.took, std::chrono::seconds(10));
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/root/f", "/var/f"}).out, "kept\nalso\n");
}

TEST(Crash, RepairTouchesOnlyWhatDoesNotAgree)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const auto pid = pid_of(host, "a");
    // Its network dies: the journal names what is gone, and the machine itself is well.
    const std::string link = "banger-net-" + host.instance() + "-" + shown(host, "a", "id");
    for (const auto& process : sdk::os::find_processes([&](const std::vector<std::string>& arguments) {
             return std::find(arguments.begin(), arguments.end(), link) != arguments.end();
         }).value_or({}))
        ASSERT_TRUE(sdk::os::kill_and_wait(process, SIGKILL, std::chrono::seconds(10)));
    EXPECT_EQ(host.banger({"audit"}).status, 1);
    EXPECT_EQ(host.banger({"audit", "--repair"}).status, 0);
    EXPECT_EQ(pid_of(host, "a"), pid);
    expect_clean(host);
    // Its journal is lost while the daemon runs: the live machine is noted again, not removed.
    ASSERT_TRUE(sdk::os::remove_file(directory_of(host, "a") + "/handles.json"));
    EXPECT_EQ(host.banger({"audit"}).status, 1);
    EXPECT_EQ(host.banger({"audit", "--repair"}).status, 0);
    EXPECT_EQ(pid_of(host, "a"), pid);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "hostname"}).out, "a\n");
    expect_clean(host);
}

// Copies the database, or puts a copy back; without a daemon.
void copy_database(const std::string& from, const std::string& to)
{
    for (const char* part : {"", "-wal", "-shm"}) {
        std::filesystem::remove(to + "/banger.db" + part);
        if (sdk::os::exists(from + "/banger.db" + part))
            std::filesystem::copy_file(from + "/banger.db" + part, to + "/banger.db" + part);
    }
}

TEST(Crash, RepairRemovesWhatNobodyClaimsAnyMore)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "neighbour", "--ready", "agent"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "create", "--name", "idle", "--no-start"}).status, 0);
    const auto neighbour = pid_of(host, "neighbour");
    const std::string socket = directory_of(host, "idle") + "/agent.sock";
    const std::string before = host.home() + "/before";
    ASSERT_TRUE(sdk::os::make_private_directory(before));
    host.stop_daemon();
    copy_database(host.home() + "/state", before);
    ASSERT_EQ(host.banger({"vm", "create", "--name", "lost", "--ready", "agent"}).status, 0);
    const auto vmm = vmm_of(host, "lost");
    const std::string lost = directory_of(host, "lost");
    host.kill_daemon();
    // Its row and its directory go, and a socket stays that nobody listens on.
    copy_database(before, host.home() + "/state");
    ASSERT_TRUE(sdk::os::remove_tree(lost));
    ASSERT_TRUE(sdk::os::listen_unix(socket));
    auto audit = host.banger({"audit"});
    EXPECT_EQ(audit.status, 1);
    for (const char* kind : {"unclaimed-object", "stale-socket"})
        EXPECT_NE(audit.out.find(kind), std::string::npos) << audit.out;
    EXPECT_TRUE(sdk::os::is_alive(vmm)) << "looking changes nothing";
    auto repaired = host.banger({"audit", "--repair"});
    EXPECT_EQ(repaired.status, 0) << repaired.out << repaired.err;
    EXPECT_FALSE(sdk::os::is_alive(vmm));
    EXPECT_FALSE(sdk::os::exists(socket));
    EXPECT_EQ(pid_of(host, "neighbour"), neighbour);
    EXPECT_EQ(host.banger({"vm", "exec", "neighbour", "--", "true"}).status, 0);
    expect_clean(host);
}

TEST(Crash, AGuestThatDoesNotPowerOffIsCutOffAndKeepsWhatItWrote)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "systemctl mask poweroff.target && echo kept > /root/f"})
                  .status,
              0);
    auto stopped = host.banger({"vm", "stop", "--timeout", "3s", "a"});
    ASSERT_EQ(stopped.status, 0) << stopped.err;
    EXPECT_GE(stopped.took, std::chrono::seconds(3)) << "it powered off after all";
    EXPECT_LT(stopped.took, std::chrono::seconds(25));
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/root/f"}).out, "kept\n");
}

TEST(Crash, AuditFindsFilesThatNobodyAnswersForAndRemovesNone)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--no-start"}).status, 0);
    expect_clean(host);
    const std::vector<std::string> strays{host.home() + "/state/notes.txt",      host.home() + "/state/vms/old",
                                          host.home() + "/cache/mine",           host.home() + "/run/odd",
                                          host.home() + "/cache/initramfs/x.cpio.new",
                                          directory_of(host, "a") + "/handles.json.new",
                                          directory_of(host, "a") + "/root.new"};
    ASSERT_TRUE(sdk::os::make_private_directory(host.home() + "/cache/initramfs"));
    for (const auto& stray : strays)
        ASSERT_TRUE(sdk::os::write_file_atomic(stray, "?")) << stray;
    const auto found = host.banger({"audit", "-o", "json"});
    EXPECT_EQ(found.status, 1);
    for (const auto& stray : strays)
        EXPECT_NE(found.out.find(stray), std::string::npos) << stray << " in " << found.out;
    EXPECT_EQ(host.banger({"audit", "--repair"}).status, 1);
    for (const auto& stray : strays)
        EXPECT_TRUE(sdk::os::exists(stray)) << stray;
    // The next daemon removes what the last one cannot have finished and nobody's data can be in.
    host.kill_daemon();
    const auto left = host.banger({"audit", "-o", "json"});
    EXPECT_EQ(left.out.find("handles.json.new"), std::string::npos) << left.out;
    EXPECT_EQ(left.out.find("x.cpio.new"), std::string::npos) << left.out;
    EXPECT_NE(left.out.find("root.new"), std::string::npos) << left.out;
}

TEST(Crash, AMachineWhoseDirectoryIsGoneIsDeletedWithItsProcesses)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    ASSERT_TRUE(sdk::os::remove_tree(directory_of(host, "a")));
    EXPECT_EQ(host.banger({"vm", "delete", "-f", "a"}).status, 0);
    EXPECT_LE(host.processes().size(), 1U) << "only the daemon is left";
    expect_clean(host);
}

TEST(Crash, ASecondDaemonIsRefused)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "list"}).status, 0);
    const auto first = host.daemon_pid();
    sdk::os::Command second = host.command({});
    second.argv.front().replace(second.argv.front().rfind("/banger"), std::string::npos, "/bangerd");
    if (!sdk::os::exists(second.argv.front()))
        second.argv.front() = std::getenv("BANGER_TEST_DAEMON");
    auto output = sdk::os::run(second);
    ASSERT_TRUE(output) << output.error().message;
    EXPECT_EQ(output->status, 1);
    EXPECT_NE(output->err.find("runs already"), std::string::npos) << output->err;
    EXPECT_EQ(host.daemon_pid(), first);
}

TEST(Crash, AnRmMachineGoesWithItsKilledClient)
{
    const Installation host;
    auto child = sdk::os::spawn(host.command({"vm", "run", "--rm", "--name", "a", "--ready", "agent", "--", "sh", "-c",
                                              "echo begun >/dev/kmsg; sleep 1000"}));
    ASSERT_TRUE(child);
    // The directory's name is the id, known once the VM is listed.
    std::string console;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (console.empty() && std::chrono::steady_clock::now() < deadline) {
        const std::string id = shown(host, "a", "id");
        if (!id.empty())
            console = host.vms() + "/" + id + "/console.log";
    }
    ASSERT_TRUE(wait_for_text(console, "begun", std::chrono::seconds(60)));
    child->kill_group(SIGKILL);
    ASSERT_TRUE(child->wait());
    // Deletion holds the VM's lock; asking for it waits its turn, and then there is none.
    auto gone = host.banger({"vm", "stop", "a"});
    EXPECT_EQ(gone.status, 1) << gone.out;
    expect_clean(host);
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
}

}  // namespace
}  // namespace banger::e2e
