// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The verbs after making and deleting, on real machines: restart, set, stats, health, prune, and those that stop by
// themselves.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

constexpr std::uint64_t mebibyte = 1U << 20U;
constexpr std::uint64_t gibibyte = 1U << 30U;

void make(const Installation& host, const std::string& name, const std::vector<std::string>& more = {})
{
    std::vector<std::string> call{"vm", "create", "--name", name, "--ready", "agent"};
    call.insert(call.end(), more.begin(), more.end());
    auto made = host.banger(call);
    ASSERT_EQ(made.status, 0) << made.err;
}

std::string in(const Installation& host, const std::string& vm, const std::string& script)
{
    auto ran = host.banger({"vm", "exec", vm, "--", "sh", "-c", script});
    EXPECT_EQ(ran.status, 0) << script << ": " << ran.err;
    while (ran.out.ends_with('\n'))
        ran.out.pop_back();
    return ran.out;
}

std::uint64_t number_in(const Installation& host, const std::string& vm, const std::string& script)
{
    const std::string text = in(host, vm, script);
    return text.empty() ? 0 : std::stoull(text);
}

const json::Value& at(const json::Value& value, const std::string& key)
{
    static const json::Value nothing;
    const json::Value* found = json::find(value, key);
    EXPECT_NE(found, nullptr) << "no " << key;
    return found == nullptr ? nothing : *found;
}

std::uint64_t disk_bytes(const Installation& host, const std::string& vm)
{
    return json::uint_or(host.json({"vm", "show", vm}), "disk_bytes");
}

TEST(Verbs, RestartKeepsTheDisksAndBootsAnew)
{
    const Installation host;
    make(host, "a");
    const auto boot = in(host, "a", "cat /proc/sys/kernel/random/boot_id; echo kept > /root/f");
    const auto pid = pid_of(host, "a");
    auto restarted = host.banger({"vm", "restart", "a"});
    EXPECT_EQ(restarted.status, 0) << restarted.err;
    EXPECT_EQ(restarted.out, "a was restarted\n");
    EXPECT_NE(pid_of(host, "a"), pid);
    EXPECT_EQ(in(host, "a", "cat /root/f"), "kept");
    EXPECT_NE(in(host, "a", "cat /proc/sys/kernel/random/boot_id"), boot);
    ASSERT_EQ(host.banger({"vm", "kill", "a"}).status, 0);
    auto started = host.banger({"vm", "restart", "a", "nobody"});
    EXPECT_EQ(started.status, 1);
    EXPECT_EQ(started.out, "a was stopped, and is running\n");
    EXPECT_NE(started.err.find("nobody"), std::string::npos) << started.err;
    expect_clean(host);
}

TEST(Verbs, NobodyComesBetweenTheTwoHalvesOfARestart)
{
    const Installation host;
    // One that is deleted once it stops lives through a restart.
    auto made = host.banger({"vm", "run", "-d", "--rm", "--name", "a", "--ready", "agent"});
    ASSERT_EQ(made.status, 0) << made.err;
    Called other;
    std::thread second([&] { other = host.banger({"vm", "restart", "a"}); });
    auto restarted = host.banger({"vm", "restart", "a"});
    second.join();
    EXPECT_EQ(restarted.status, 0) << restarted.err;
    EXPECT_EQ(other.status, 0) << other.err;
    EXPECT_EQ(restarted.out + other.out, "a was restarted\na was restarted\n");
    EXPECT_EQ(shown(host, "a", "state"), "running");
    expect_clean(host);
}

TEST(Verbs, SetChangesWhatAStoppedMachineHas)
{
    const Installation host;
    make(host, "a");
    in(host, "a", "echo kept > /root/f; echo also > /var/f");
    const auto running = host.banger({"vm", "set", "a", "--memory", "640"});
    EXPECT_EQ(running.status, 1);
    EXPECT_NE(running.err.find("banger vm stop a"), std::string::npos) << running.err;
    ASSERT_EQ(host.banger({"vm", "stop", "a"}).status, 0);
    auto shrunk = host.banger({"vm", "set", "a", "--disk", "2G"});
    EXPECT_EQ(shrunk.status, 1);
    EXPECT_NE(shrunk.err.find("only grow"), std::string::npos) << shrunk.err;
    EXPECT_EQ(disk_bytes(host, "a"), 4 * gibibyte);
    auto changed = host.banger({"vm", "set", "a", "--disk", "7G", "--memory", "640", "--vcpu", "2"});
    ASSERT_EQ(changed.status, 0) << changed.err;
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(in(host, "a", "cat /root/f /var/f"), "kept\nalso");
    EXPECT_EQ(in(host, "a", "nproc"), "2");
    EXPECT_GT(number_in(host, "a", "awk '/MemTotal/ { print $2 }' /proc/meminfo"), 560U * 1024);
    for (const char* mount : {"/", "/root"}) {
        const auto size = number_in(host, "a", "df --output=size -B1 " + std::string(mount) + " | tail -1");
        EXPECT_GT(size, 6 * gibibyte + 700 * mebibyte) << mount;
        EXPECT_LT(size, 7 * gibibyte) << mount;
    }
    // What is beyond the old end can be written.
    in(host, "a", "fallocate -l 5G /var/large");
    in(host, "a", "dd if=/dev/zero of=/var/large bs=1M seek=5000 count=8 conv=notrunc,fsync");
    EXPECT_EQ(host.banger({"vm", "stop", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(number_in(host, "a", "stat -c %s /var/large"), 5 * gibibyte);
    expect_clean(host);
}

TEST(Verbs, StatsTellFromBothSides)
{
    const Installation host;
    make(host, "a");
    make(host, "b", {"--no-start"});
    auto before = host.json({"vm", "stats", "a"});
    const auto disk_before = json::uint_or(at(at(at(before, "vms")[0], "host"), "disks")[0], "allocated_bytes");
    in(host, "a", "head -c 64M /dev/urandom > /var/f; sync");
    // A private address, which is refused; who asks for its hardware address is answered.
    host.banger({"vm", "exec", "a", "--", "timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/10.0.2.2/9"});
    std::thread worker([&] { host.banger({"vm", "exec", "a", "--", "timeout", "6", "sh", "-c", "while :; do :; done"}); });
    auto stats = host.json({"vm", "stats", "--interval", "3s", "a", "b"});
    worker.join();
    ASSERT_EQ(at(stats, "vms").Size(), 2U);
    const json::Value& a = at(stats, "vms")[0];
    EXPECT_EQ(json::string_or(a, "name"), "a");
    EXPECT_EQ(json::string_or(a, "guest_problem"), "");
    EXPECT_GT(at(a, "cpu_percent").GetDouble(), 10.0);
    EXPECT_LT(at(a, "cpu_percent").GetDouble(), 400.0);
    const json::Value& outside = at(a, "host");
    EXPECT_GT(json::uint_or(outside, "resident_bytes"), 64 * mebibyte);
    EXPECT_EQ(json::uint_or(outside, "processes"), 3U) << "the VMM, the filter, passt";
    const json::Value& root = at(outside, "disks")[0];
    EXPECT_EQ(json::uint_or(root, "bytes"), 4 * gibibyte);
    EXPECT_GE(json::uint_or(root, "allocated_bytes"), disk_before + 60 * mebibyte);
    EXPECT_GE(json::uint_or(root, "apparent_bytes"), 60 * mebibyte);
    EXPECT_GE(json::uint_or(at(outside, "network"), "refused_packets"), 1U);
    EXPECT_GE(json::uint_or(at(outside, "network"), "rx_packets"), 1U) << "the gateway answered";
    EXPECT_GE(json::uint_or(at(outside, "network"), "tx_bytes"), 42U);
    const json::Value& inside = at(a, "guest");
    EXPECT_GT(json::uint_or(at(inside, "memory"), "available_bytes"), 64 * mebibyte);
    EXPECT_GT(json::uint_or(at(inside, "disks")[0], "free_bytes"), gibibyte);
    EXPECT_GE(json::uint_or(at(inside, "network")[0], "tx_packets"), 1U);
    const json::Value& b = at(stats, "vms")[1];
    EXPECT_EQ(json::string_or(b, "state"), "stopped");
    EXPECT_TRUE(at(b, "cpu_percent").IsNull());
    EXPECT_TRUE(at(b, "guest").IsNull());
    EXPECT_EQ(json::uint_or(at(at(b, "host"), "disks")[0], "bytes"), 4 * gibibyte);
    const auto table = host.banger({"vm", "stats"});
    EXPECT_NE(table.out.find("\na  "), std::string::npos) << table.out;
    EXPECT_EQ(table.out.find("\nb  "), std::string::npos) << "it does not run";
    expect_clean(host);
}

// The check of that name, as "status: message"; empty if there is none.
std::string check_of(const json::Value& health, const std::string& name)
{
    for (const auto& check : at(health, "checks").GetArray())
        if (json::string_or(check, "name") == name)
            return json::string_or(check, "status") + ": " + json::string_or(check, "message");
    return {};
}

json::Document health_of(const Installation& host, const std::string& vm, int status)
{
    auto called = host.banger({"-o", "json", "vm", "health", vm});
    EXPECT_EQ(called.status, status) << called.out << called.err;
    auto parsed = json::parse(called.out, "vm health");
    EXPECT_TRUE(parsed) << called.out;
    return parsed ? std::move(*parsed) : json::Document();
}

TEST(Verbs, HealthSaysWhatIsWrong)
{
    const Installation host;
    auto made = host.banger({"vm", "create", "--name", "a"});  // until its system is up
    ASSERT_EQ(made.status, 0) << made.err;
    auto well = health_of(host, "a", 0);
    EXPECT_TRUE(json::bool_or(well, "healthy"));
    EXPECT_EQ(json::string_or(well, "init_state"), "running");
    EXPECT_GT(at(well, "round_trip_ms").GetDouble(), 0);

    in(host, "a", "systemd-run --quiet --property=Type=oneshot --unit=bad false || true");
    auto degraded = health_of(host, "a", 0);
    EXPECT_EQ(check_of(degraded, "init").rfind("warning: systemd is degraded", 0), 0U) << check_of(degraded, "init");
    in(host, "a", "systemctl reset-failed");

    in(host, "a", "date -s '+1 hour'");
    auto late = health_of(host, "a", 1);
    EXPECT_EQ(check_of(late, "clock").rfind("failed: ", 0), 0U) << check_of(late, "clock");
    EXPECT_GT(json::find_int(late, "clock_drift_ms").value_or(0), 3'500'000);
    in(host, "a", "date -s '-1 hour'");

    in(host, "a", "fallocate -l $(($(df --output=avail -B1 / | tail -1) - 60000000)) /var/large");
    auto full = health_of(host, "a", 1);
    EXPECT_EQ(check_of(full, "root disk").rfind("failed: ", 0), 0U) << check_of(full, "root disk");
    EXPECT_EQ(check_of(full, "work disk").rfind("ok: ", 0), 0U);
    in(host, "a", "rm /var/large");
    EXPECT_TRUE(json::bool_or(health_of(host, "a", 0), "healthy"));

    // A VMM that lives and does nothing.
    const auto vmm = static_cast<pid_t>(pid_of(host, "a"));
    ASSERT_EQ(::kill(vmm, SIGSTOP), 0);
    auto silent = health_of(host, "a", 1);
    ASSERT_EQ(::kill(vmm, SIGCONT), 0);
    EXPECT_EQ(check_of(silent, "vmm").rfind("ok: ", 0), 0U) << check_of(silent, "vmm");
    EXPECT_EQ(check_of(silent, "agent").rfind("failed: ", 0), 0U) << check_of(silent, "agent");
    ASSERT_EQ(host.banger({"vm", "stop", "a"}).status, 0);
    EXPECT_EQ(check_of(health_of(host, "a", 1), "vmm"), "failed: it is stopped");
    expect_clean(host);
}

TEST(Verbs, PruneDeletesTheStoppedAndNoOther)
{
    const Installation host;
    make(host, "runs");
    make(host, "old", {"--no-start"});
    make(host, "older", {"--no-start"});
    EXPECT_EQ(host.banger({"vm", "prune"}).status, 1) << "nobody can be asked";
    EXPECT_EQ(at(host.json({"vm", "prune", "--dry-run"}), "vms").Size(), 2U);
    EXPECT_EQ(at(host.json({"vm", "prune", "--dry-run", "--stale", "1h"}), "vms").Size(), 0U);
    EXPECT_EQ(host.banger({"vm", "prune", "-f", "--stale", "1h"}).status, 0);
    EXPECT_EQ(at(host.json({"vm", "list"}), "vms").Size(), 3U);
    auto pruned = host.banger({"vm", "prune", "-f"});
    EXPECT_EQ(pruned.status, 0) << pruned.err;
    EXPECT_EQ(pruned.out, "old is deleted\nolder is deleted\n");
    EXPECT_EQ(shown(host, "runs", "state"), "running");
    EXPECT_EQ(at(host.json({"vm", "list"}), "vms").Size(), 1U);
    expect_clean(host);
}

TEST(Verbs, SeveralAreDoneAtOnceAndReportedInOrder)
{
    const Installation host;
    for (const char* name : {"a", "b", "c"})
        make(host, name, {"--no-start"});
    auto started = host.banger({"vm", "start", "c", "nobody", "a", "b"});
    EXPECT_EQ(started.status, 1);
    EXPECT_EQ(started.out, "c is running\na is running\nb is running\n") << started.err;
    EXPECT_NE(started.err.find("there is no vm 'nobody'"), std::string::npos) << started.err;
    auto stopped = host.banger({"-o", "json", "vm", "stop", "b", "a", "c"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    std::vector<std::size_t> places;
    for (const char* name : {"\"b\"", "\"a\"", "\"c\""})
        places.push_back(stopped.out.find("\"name\": " + std::string(name)));
    EXPECT_TRUE(std::is_sorted(places.begin(), places.end())) << stopped.out;
    EXPECT_LT(places.back(), stopped.out.size());
    expect_clean(host);
}

TEST(Verbs, WhatNobodyUsesIsStopped)
{
    const Installation host("\n[daemon]\nauto_stop_stale_after = \"5s\"\n");
    const std::string log = host.home() + "/run/bangerd.log";
    make(host, "a");
    const std::string id = shown(host, "a", "id");
    make(host, "used");
    // While a session runs, or a stream is open, it is in use, for longer than it may be unused.
    EXPECT_EQ(host.banger({"vm", "session", "start", "used", "--", "sleep", "20"}).status, 0);
    in(host, "a", "true");
    EXPECT_TRUE(wait_for_text(log, "vm " + id + " was not used for 5 s and is stopped", std::chrono::seconds(60)));
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    EXPECT_EQ(shown(host, "used", "state"), "running");
    auto used = host.banger({"vm", "exec", "used", "--", "sleep", "8"});
    EXPECT_EQ(used.status, 0) << used.err;
    EXPECT_EQ(shown(host, "used", "state"), "running");
    EXPECT_TRUE(wait_for_text(log, "vm " + shown(host, "used", "id") + " was not used", std::chrono::seconds(60)));
    expect_clean(host);
}

TEST(Verbs, ANewDaemonGoesOnCountingHowLongAMachineIsUnused)
{
    const Installation host;
    make(host, "a");
    const std::string id = shown(host, "a", "id");
    in(host, "a", "true");
    host.stop_daemon();
    // As if that had been an hour ago.
    sdk::os::Command touch;
    touch.argv = {"touch", "-d", "1 hour ago", host.vms() + "/" + id + "/last-use"};
    ASSERT_TRUE(sdk::os::run_checked(touch));
    ASSERT_EQ(host.banger({"config", "set", "daemon.auto_stop_stale_after", "50m"}).status, 0);
    EXPECT_NE(shown(host, "a", "state"), "") << "the daemon is started, which is no use of the machine";
    const std::string log = host.home() + "/run/bangerd.log";
    EXPECT_TRUE(wait_for_text(log, "vm " + id + " was not used", std::chrono::seconds(60)));
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);
}

TEST(Verbs, ADaemonThatCarriesAStreamIsNotReplacedAndThatIsSaid)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const pid_t daemon = host.daemon_pid();
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    const sdk::os::UniqueFd read_in(in[0]);
    sdk::os::UniqueFd write_in(in[1]);
    const sdk::os::UniqueFd read_out(out[0]);
    sdk::os::UniqueFd write_out(out[1]);
    auto command = host.command({"vm", "exec", "a", "--", "sh", "-c", "echo begun; read -r status; exit $status"});
    command.in = read_in.get();
    command.out = write_out.get();
    auto stream = sdk::os::spawn(command);
    ASSERT_TRUE(stream);
    write_out.reset();
    std::array<char, 8> begun{};
    ASSERT_GT(::read(read_out.get(), begun.data(), begun.size()), 0);

    auto config = sdk::os::read_file(host.home() + "/config.toml");
    ASSERT_TRUE(config);
    ASSERT_TRUE(sdk::os::write_file_atomic(host.home() + "/config.toml", *config + "# edited by hand\n"));
    auto list = host.banger({"vm", "list"});
    EXPECT_EQ(list.status, 0);
    EXPECT_NE(list.err.find("busy"), std::string::npos) << list.err;
    EXPECT_EQ(host.daemon_pid(), daemon);
    ASSERT_EQ(::write(write_in.get(), "7\n", 2), 2);
    EXPECT_EQ(stream->wait().value_or(-1), 7);
    EXPECT_EQ(host.banger({"vm", "list"}).err, "");
    EXPECT_NE(host.daemon_pid(), daemon);
}

TEST(Verbs, DoctorSaysWhereValuesComeFromAndWhatIsMissing)
{
    const Installation host;
    const auto report = host.banger({"doctor", "-o", "json"});
    EXPECT_NE(report.out.find("512 MiB (config, " + host.home() + "/config.toml:3)"), std::string::npos) << report.out;
    host.stop_daemon();
    CallOptions bare;
    bare.environment["PATH"] = "/nonexistent";
    const auto missing = host.banger({"doctor"}, bare);
    EXPECT_EQ(missing.status, 1);
    for (const char* package : {"qemu-system-x86", "passt", "openssh-client"})
        EXPECT_NE(missing.out.find(package), std::string::npos) << "no '" << package << "' in:\n" << missing.out;
}

TEST(Verbs, ASettingIsInEffectForTheNextMachine)
{
    const Installation host;
    make(host, "a");
    const auto pid = pid_of(host, "a");
    auto set = host.banger({"config", "set", "vm_defaults.vcpu", "2"});
    ASSERT_EQ(set.status, 0) << set.err;
    EXPECT_EQ(host.banger({"config", "get", "vm_defaults.vcpu"}).out, "2\n");
    make(host, "b", {"--no-start"});
    EXPECT_EQ(json::uint_or(host.json({"vm", "show", "b"}), "vcpus"), 2U);
    EXPECT_EQ(pid_of(host, "a"), pid) << "machines run on";
    auto wrong = host.banger({"config", "set", "plugin.vmm-qemu.accelerator", "warp"});
    EXPECT_EQ(wrong.status, 1);
    EXPECT_NE(wrong.err.find("accelerator in [plugin.vmm-qemu]"), std::string::npos) << wrong.err;
    EXPECT_EQ(host.banger({"config", "validate"}).status, 0);
    expect_clean(host);
}

}  // namespace
}  // namespace banger::e2e
