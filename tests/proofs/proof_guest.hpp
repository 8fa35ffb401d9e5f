// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm.hpp"
#include "core/guest/agent_client.hpp"
#include "core/images/image_store.hpp"
#include "core/images/kernel_store.hpp"
#include "qmp.hpp"

namespace banger::proofs {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start);

/// What every guest of a proof is made from: the image and the kernel that BANGER_PROOF_SEED, a BANGER_HOME, holds.
struct Seed {
    images::Image image;
    images::Kernel kernel;
    std::string initramfs;

    /// Fails the test and is empty if there is no such seed.
    static std::optional<Seed> load(const std::string& directory);
};

/// A command in a guest whose output is read as it comes.
class GuestProgram {
public:
    GuestProgram(guest::AgentClient& agent, const std::vector<std::string>& argv);
    ~GuestProgram();
    GuestProgram(const GuestProgram&) = delete;
    GuestProgram& operator=(const GuestProgram&) = delete;

    /// Lines of output so far.
    [[nodiscard]] std::uint64_t lines() const;
    /// Until there are so many; false after the time, or when the program ends before.
    bool wait_for_lines(std::uint64_t count, std::chrono::seconds timeout);
    /// The longest time without a line since the last call of this.
    double longest_silence_ms();
    /// Ends its input and waits for its end.
    void finish();

private:
    void read_frames();

    sdk::os::UniqueFd socket_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t lines_ = 0;
    Clock::time_point last_line_ = Clock::now();
    double longest_silence_ms_ = 0;
    bool ended_ = false;
    std::thread reader_;
};

/// One real machine, with its agent configured and its image's own init left out: a guest that is up in seconds.
/// Threads: one.
class ProofGuest {
public:
    /// Boots and configures. Test failures if it does not come up; ask `up`.
    ProofGuest(const Seed& seed, sdk::testing::FakeHost& host, const sdk::Owner& owner, std::vector<sdk::Disk> disks);
    ~ProofGuest();
    ProofGuest(const ProofGuest&) = delete;
    ProofGuest& operator=(const ProofGuest&) = delete;

    [[nodiscard]] bool up() const { return up_; }
    guest::AgentClient& agent() { return *agent_; }
    /// A command to its end: its output. A test failure unless it ends with 0.
    std::string run(const std::vector<std::string>& argv);
    /// Puts a program of this host into the guest's /run.
    void install(const std::string& program, const std::string& path);
    /// One QMP command; a test failure if QEMU refuses it.
    std::string qmp(const std::string& command, const std::string& arguments = {});
    /// Asks the guest to power off and waits for the VMM's end.
    void power_off();
    /// SIGKILL to the VMM.
    void cut();
    [[nodiscard]] pid_t pid() const;
    /// For a guest that stands still: what QEMU and its threads wait for, and the end of the guest's console.
    std::string condition();

private:
    bool boot(const Seed& seed, std::vector<sdk::Disk> disks);
    bool greet(const std::vector<sdk::Disk>& disks);
    sdk::os::ProcessId process() const;

    sdk::testing::FakeHost& host_;
    sdk::testing::FakeCall call_;
    sdk::Owner owner_;
    agent::Token token_{};
    std::unique_ptr<sdk::Vmm> vmm_;
    std::optional<sdk::Handle> handle_;
    boost::asio::io_context loop_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
    std::shared_ptr<guest::AgentClient> agent_;
    std::optional<qemu::Qmp> qmp_;
    bool up_ = false;
};

/// A program of the host, run to its end: its standard output. A test failure unless it ends with one of `good`.
std::string run_here(const std::vector<std::string>& argv, const std::vector<int>& good = {0});

}  // namespace banger::proofs
