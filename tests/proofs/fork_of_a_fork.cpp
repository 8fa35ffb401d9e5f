// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Proof: a running machine is forked, and one of the forks is forked again while it runs; each of them is somebody.
#include "tests/proofs/live_fork.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "banger/sdk/os/file.hpp"

namespace banger::proofs {
namespace {

constexpr std::chrono::seconds patience_for_lines{60};

double seconds_now()
{
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string trimmed(std::string text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    return text;
}

bool holds(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos;
}

class ForkOfAFork : public ::testing::Test {
protected:
    ForkOfAFork() : work_(boost::asio::make_work_guard(loop_)), thread_([this] { loop_.run(); }) {}
    ~ForkOfAFork() override
    {
        work_.reset();
        loop_.stop();
        thread_.join();
    }

    void SetUp() override
    {
        seed_ = Seed::load(host_.directory());
        ASSERT_TRUE(seed_);
    }

    Place place() { return {*seed_, host_, loop_}; }

    /// Number `n` of this proof: everything that makes a machine this one.
    Identity identity(int n, const std::string& init)
    {
        Identity made;
        auto& configuration = made.configuration;
        configuration.hostname = "proof-" + std::to_string(n);
        configuration.init = init;
        configuration.token = host_.random_hex(64);
        configuration.machine_id = host_.random_hex(32);
        configuration.seed = host_.random_hex(128);  // hexadecimal digits are base64, too
        const std::string key = host_.directory() + "/key-" + std::to_string(n);
        run_here({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", configuration.hostname, "-f", key});
        configuration.ssh_host_keys = {{"ssh_host_ed25519_key", sdk::os::read_file(key).value_or(""),
                                        sdk::os::read_file(key + ".pub").value_or("")}};
        configuration.network = {
            {"52:54:00:00:00:1" + std::to_string(n), "10.0.2.3" + std::to_string(n) + "/24", "10.0.2.2", {}}};
        made.token = *agent::token_from_hex(configuration.token);
        return made;
    }

    sdk::testing::FakeHost host_;
    std::optional<Seed> seed_;
    boost::asio::io_context loop_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

void print(const std::string& what, const ForkFigures& figures)
{
    std::printf(
        "%s: pause %.1f ms (stop and flush %.1f, new tops of the disks %.1f, %.1f MiB dirtied again %.1f), copy "
        "%.2f s of %.0f MiB before it, device state %.0f ms after it, %llu MiB on disk\n",
        what.c_str(), figures.pause_ms, figures.stop_ms, figures.disks_ms, static_cast<double>(figures.dirtied) / 256.0,
        figures.rest_ms, figures.copy_ms / 1e3, static_cast<double>(figures.pages) / 256.0, figures.state_ms,
        static_cast<unsigned long long>(figures.ram_mib));
    std::fflush(stdout);
}

/// Random numbers, each the answer to one call. The kernel's generator goes from call to call, whoever calls: of two
/// machines in one state the one draws what the other draws, a few calls earlier or later.
std::set<std::string> drawn_by(Machine& machine)
{
    std::istringstream lines(machine.sh("dd if=/dev/urandom bs=16 count=4096 status=none | od -An -v -tx1 -w16"));
    std::set<std::string> drawn;
    for (std::string line; std::getline(lines, line);)
        drawn.insert(line);
    EXPECT_EQ(drawn.size(), 4096U);
    return drawn;
}

std::size_t common(const std::set<std::string>& one, const std::set<std::string>& other)
{
    return static_cast<std::size_t>(
        std::count_if(one.begin(), one.end(), [&](const auto& number) { return other.contains(number); }));
}

/// What the machine says of itself is what it was told to be.
void expect_is(Machine& machine, const Identity& identity)
{
    const auto& wanted = identity.configuration;
    EXPECT_EQ(trimmed(machine.run({"uname", "-n"})), wanted.hostname);
    EXPECT_EQ(trimmed(machine.sh("cat /etc/hostname")), wanted.hostname);
    EXPECT_TRUE(holds(machine.sh("cat /etc/hosts"), "127.0.1.1\t" + wanted.hostname));
    EXPECT_EQ(trimmed(machine.sh("cat /etc/machine-id")), wanted.machine_id);
    EXPECT_NEAR(std::stod(machine.run({"date", "+%s.%N"})), seconds_now(), 1.5) << "its clock is wrong";
    const auto address = machine.run({"ip", "-4", "-o", "addr", "show", "dev", "eth0"});
    EXPECT_TRUE(holds(address, wanted.network[0].address)) << address;
    EXPECT_EQ(std::count(address.begin(), address.end(), '\n'), 1) << "it has more than its own address: " << address;
    EXPECT_EQ(trimmed(machine.sh("cat /sys/class/net/eth0/address")), wanted.network[0].mac);
    EXPECT_TRUE(holds(machine.run({"ip", "route"}), "default via 10.0.2.2"));
    // Not the file: what sshd shows to a stranger.
    const auto& key = wanted.ssh_host_keys[0].public_key;
    const auto shown = machine.sh("ssh-keyscan -T 60 -t ed25519 127.0.0.1 2>/dev/null");
    EXPECT_TRUE(holds(shown, key.substr(0, key.rfind(' ')))) << shown;
}

/// What the first machine had when it was forked, on disk, in the page cache, on a tmpfs, in a process; but not its
/// keys.
void expect_has_all_of_the_first(Machine& machine, const std::string& secret, long count_then)
{
    EXPECT_EQ(trimmed(machine.sh("cat /var/lib/durable /root/durable")), secret + "\n" + secret);
    EXPECT_EQ(trimmed(machine.sh("cat /root/unsynced /run/in-memory")), secret + "\n" + secret);
    EXPECT_EQ(trimmed(machine.sh("cd /etc/ssh && ls ssh_host_*_key")), "ssh_host_ed25519_key");
    machine.sh("rm -f /run/told; kill -USR1 $(cat /run/keeper.pid); while ! [ -s /run/told ]; do sleep 0.1; done");
    const auto told = trimmed(machine.sh("cat /run/told"));
    EXPECT_TRUE(told.starts_with(secret + " ")) << "the process is another: " << told;
    EXPECT_GE(std::atol(told.substr(std::min(told.size(), secret.size() + 1)).c_str()), count_then) << told;
}

void expect_clean(const std::string& name, const std::vector<sdk::Disk>& disks, const std::string& directory)
{
    for (const auto& disk : disks) {
        if (disk.read_only)
            continue;
        const std::string flat = directory + "/flat";
        run_here({"qemu-img", "convert", "-f", disk.format, "-O", "raw", disk.path, flat});
        SCOPED_TRACE(name + "'s " + disk.role + " disk");
        run_here({"e2fsck", "-fn", flat});
        (void)sdk::os::remove_file(flat);
    }
}

TEST_F(ForkOfAFork, EachIsSomebodyAndHasAllThatTheFirstHad)
{
    const auto first_identity = identity(0, "auto");
    auto first = Machine::boot(place(), "the first", 512, first_identity);
    ASSERT_TRUE(first);
    expect_is(*first, first_identity);
    const auto secret = host_.random_hex(24);
    first->sh("for f in /var/lib/durable /root/durable; do echo " + secret +
              " | dd of=$f conv=fsync status=none; done");
    first->sh("echo " + secret + " > /root/unsynced; echo " + secret +
              " > /run/in-memory; ssh-keygen -q -t rsa -N '' -f "
              "/etc/ssh/ssh_host_rsa_key");
    first->sh("secret=" + secret +
              " count=0 setsid sh -c 'trap \"echo \\$secret \\$count > /run/told\" USR1; echo $$ > /run/keeper.pid; "
              "while :; do count=$((count+1)); sleep 0.1; done' < /dev/null > /dev/null 2>&1 & "
              "while ! [ -s /run/keeper.pid ]; do sleep 0.1; done; sleep 1");

    GuestProgram ticks(first->agent(), {"/bin/sh", "-c", "while echo tick; do sleep 0.1; done"});
    ASSERT_TRUE(ticks.wait_for_lines(3, patience_for_lines));
    ForkFigures figures;
    const auto saved = first->fork(figures);
    ASSERT_TRUE(saved);
    print("fork of the first, 512 MiB", figures);
    EXPECT_TRUE(ticks.wait_for_lines(ticks.lines() + 5, patience_for_lines))
        << "the first, or its session, did not go on";

    std::vector<Identity> identities;
    std::vector<std::unique_ptr<Machine>> machines;
    std::vector<std::set<std::string>> numbers;
    const auto add = [&](int n, const Saved& from) {
        double took_ms = 0;
        machines.push_back(Machine::restore(place(), "number " + std::to_string(n), from, took_ms));
        ASSERT_TRUE(machines.back());
        identities.push_back(identity(n, "auto"));
        const auto start = Clock::now();
        machines.back()->become(identities.back());
        ASSERT_FALSE(HasFailure());  // there is nobody to ask
        std::printf("number %d: runs %.0f ms after its QEMU was started, has its identity after %.0f ms more\n", n,
                    took_ms, milliseconds_since(start));
        numbers.push_back(drawn_by(*machines.back()));
    };
    add(1, *saved);
    add(2, *saved);
    ASSERT_FALSE(HasFailure());
    auto& one = *machines[0];
    auto& two = *machines[1];
    for (std::size_t i = 0; i < 2; ++i) {
        expect_is(*machines[i], identities[i]);
        expect_has_all_of_the_first(*machines[i], secret, 5);
    }
    one.sh("echo one | tee /var/lib/who > /root/who; sync; echo one > /run/who");
    two.sh("echo two | tee /var/lib/who > /root/who; sync; echo two > /run/who");

    // The fork of a fork, while it works.
    {
        GuestProgram work(one.agent(), {"/bin/sh", "-c",
                                        "while echo tick; do dd if=/dev/urandom of=/root/work bs=64k count=4 "
                                        "conv=notrunc,fsync status=none; sleep 0.1; done"});
        ASSERT_TRUE(work.wait_for_lines(5, patience_for_lines));
        const auto again = one.fork(figures);
        ASSERT_TRUE(again);
        print("fork of number 1, 512 MiB", figures);
        EXPECT_TRUE(work.wait_for_lines(work.lines() + 5, patience_for_lines)) << "number 1 did not go on";
        one.sh("echo later > /root/later");
        add(3, *again);
        add(4, *again);
        ASSERT_FALSE(HasFailure());
    }
    for (std::size_t i = 2; i < 4; ++i) {
        expect_is(*machines[i], identities[i]);
        expect_has_all_of_the_first(*machines[i], secret, 10);
        EXPECT_EQ(machines[i]->sh("cat /var/lib/who /root/who /run/who"), "one\none\none\n");
        EXPECT_EQ(trimmed(machines[i]->sh("ls /root/later 2>/dev/null || echo none")), "none");
        machines[i]->sh("echo " + std::to_string(i + 1) + " > /root/only; sync");
    }
    EXPECT_EQ(machines[2]->sh("cat /root/only"), "3\n");
    EXPECT_EQ(machines[3]->sh("cat /root/only"), "4\n");
    for (Machine* older : {first.get(), &one, &two})
        EXPECT_EQ(trimmed(older->sh("ls /root/only 2>/dev/null || echo none")), "none");
    EXPECT_EQ(two.sh("cat /var/lib/who /root/who /run/who"), "two\ntwo\ntwo\n");
    EXPECT_EQ(trimmed(first->sh("ls /root/who 2>/dev/null || echo none")), "none");
    for (std::size_t i = 0; i < numbers.size(); ++i)
        for (std::size_t k = 0; k < i; ++k)
            EXPECT_EQ(common(numbers[i], numbers[k]), 0U)
                << "number " << i + 1 << " drew what number " << k + 1 << " drew";
    expect_is(*first, first_identity);

    // Nobody answers to the one it was made from.
    EXPECT_FALSE(machines[3]->answers_to(identities[0].token, std::chrono::milliseconds(1500)));
    EXPECT_FALSE(machines[3]->answers_to(first_identity.token, std::chrono::milliseconds(1500)));
    EXPECT_TRUE(machines[3]->answers_to(identities[3].token, std::chrono::seconds(30)));

    machines.push_back(std::move(first));
    for (auto& machine : machines)
        machine->power_off();
    for (auto& machine : machines)
        expect_clean(machine->directory(), machine->disks(), host_.directory());
}

/// A machine whose memory is in use, three fifths of it, and that writes to 16 MiB over and over.
struct Busy {
    std::unique_ptr<Machine> machine;
    std::unique_ptr<GuestProgram> work;
};

TEST_F(ForkOfAFork, ThePauseDoesNotGrowWithTheMemory)
{
    std::vector<double> live;
    std::vector<double> standing;
    int n = 0;
    for (const std::uint64_t mib : {512U, 1024U, 2048U}) {
        const auto who = identity(n++, "banger");
        Busy busy{Machine::boot(place(), std::to_string(mib) + " MiB", mib, who), nullptr};
        ASSERT_TRUE(busy.machine);
        const auto fill = std::to_string(mib * 3 / 5);
        busy.machine->sh(
            "mkdir -p /mnt/fill && mount -t tmpfs -o size=90% none /mnt/fill && yes $(hostname) | head -c " + fill +
            "M > /mnt/fill/data && head -c 16M /mnt/fill/data > /mnt/fill/hot");
        const auto digest = busy.machine->sh("md5sum < /mnt/fill/data");
        busy.work = std::make_unique<GuestProgram>(
            busy.machine->agent(),
            std::vector<std::string>{
                "/bin/sh", "-c",
                "while echo tick; do dd if=/mnt/fill/data of=/mnt/fill/hot bs=1M count=16 conv=notrunc "
                "status=none; sleep 0.1; done"});
        ASSERT_TRUE(busy.work->wait_for_lines(5, patience_for_lines));

        double least = 1e9;
        std::optional<Saved> saved;
        for (int round = 0; round < 2; ++round) {
            if (saved)
                (void)sdk::os::remove_file(saved->ram);
            ForkFigures figures;
            saved = busy.machine->fork(figures);
            ASSERT_TRUE(saved);
            print(std::to_string(mib) + " MiB, " + fill + " touched", figures);
            least = std::min(least, figures.pause_ms);
        }
        live.push_back(least);
        ForkFigures figures;
        const auto other = busy.machine->fork(figures, true);
        ASSERT_TRUE(other);
        (void)sdk::os::remove_file(other->ram);
        print(std::to_string(mib) + " MiB, standing", figures);
        standing.push_back(figures.pause_ms);
        EXPECT_TRUE(busy.work->wait_for_lines(busy.work->lines() + 3, patience_for_lines));
        busy = {};

        double took_ms = 0;
        auto copy = Machine::restore(place(), "a copy", *saved, took_ms);
        ASSERT_TRUE(copy);
        copy->become(identity(n++, "banger"));
        EXPECT_EQ(copy->sh("md5sum < /mnt/fill/data"), digest);
        std::printf("%llu MiB: its copy runs after %.0f ms\n", static_cast<unsigned long long>(mib), took_ms);
        copy.reset();
        (void)sdk::os::remove_file(saved->ram);
        ASSERT_FALSE(HasFailure());
    }
    // Four times the memory. The check can fail: the machine that stands meanwhile shows it.
    EXPECT_LT(live.back(), 2 * live.front() + 50);
    EXPECT_GT(standing.back(), 2 * standing.front() + 50);
}

}  // namespace
}  // namespace banger::proofs
