// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accelerator.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "tests/proofs/monitor.hpp"
#include "tests/proofs/proof_guest.hpp"

namespace banger::proofs {

/// Where the machines of a proof live.
struct Place {
    const Seed& seed;
    sdk::testing::FakeHost& host;
    boost::asio::io_context& loop;  ///< runs on a thread of its own
};

/// A machine at one instant: all that any number of others can be made from.
struct Saved {
    std::string ram;                ///< as large as the memory, sparse; mapped privately by each copy
    std::string state;              ///< of processors and devices
    std::vector<sdk::Disk> layers;  ///< what each disk held; never written again
    sdk::BootSpec shape;            ///< a copy's machine must be made of the same parts
    agent::Token token{};           ///< to which a copy's agent answers at first
};

struct ForkFigures {
    double copy_ms = 0;         ///< while the machine ran on
    double pause_ms = 0;        ///< between QEMU's STOP and RESUME
    double stop_ms = 0;         ///< of which: until nothing moved any more and the disks were flushed
    double disks_ms = 0;        ///< of which: new tops for all disks
    double rest_ms = 0;         ///< of which: what was dirtied again, and the devices' state
    double state_ms = 0;        ///< device state, by the reader, when the machine ran again
    std::uint64_t pages = 0;    ///< copied, zeros not counted
    std::uint64_t dirtied = 0;  ///< of which: again, in the pause
    std::uint64_t ram_mib = 0;  ///< on the host's disk
};

/// What one machine is, and no other.
struct Identity {
    agent::Configuration configuration;
    agent::Token token{};
};

/// A real machine on QEMU. Threads: one.
class Machine {
public:
    /// Boots. `name` is for messages.
    static std::unique_ptr<Machine> boot(const Place& place, const std::string& name, std::uint64_t memory_mib,
                                         const Identity& identity);
    /// Makes another from a saved one; it runs, its links are down, and its agent takes it for the saved one.
    /// `took_ms`: from the start of QEMU until its processors run.
    static std::unique_ptr<Machine> restore(const Place& place, const std::string& name, const Saved& saved,
                                            double& took_ms);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// Over the session of whoever it was: from here on it answers to its own secret only, and its links are up.
    void become(const Identity& identity);
    /// Whether the agent answers to this secret. Ends the session that there is.
    bool answers_to(const agent::Token& token, std::chrono::milliseconds patience);

    /// Saves it at one instant, memory and all disks, while it runs and goes on running. `standing`: the way it must
    /// not be done, all of it in the pause.
    std::optional<Saved> fork(ForkFigures& figures, bool standing = false);

    guest::AgentClient& agent() { return *agent_; }
    std::string run(const std::vector<std::string>& argv);
    std::string sh(const std::string& script) { return run({"/bin/sh", "-c", script}); }
    void power_off();
    [[nodiscard]] std::vector<sdk::Disk> disks() const { return spec_.disks; }
    [[nodiscard]] const std::string& directory() const { return spec_.owner.directory; }

private:
    Machine(const Place& place, std::string name);
    bool start(std::vector<std::string> argv, const std::vector<std::pair<int, int>>& descriptors);
    std::vector<std::string> argv_as(const sdk::BootSpec& spec) const;
    bool greet(const agent::Token& token, std::chrono::milliseconds patience);
    std::vector<std::string> add_tops();
    void set_links(bool up);

    class Reader;
    void copy_memory(Reader& reader, ForkFigures& figures, bool standing);
    void switch_disks(const std::vector<std::string>& tops);

    Place place_;
    std::string name_;
    sdk::BootSpec spec_;
    qemu::Installation qemu_;
    sdk::VmmProcess process_{"qemu", "-name"};
    std::optional<sdk::Handle> handle_;
    std::optional<Monitor> monitor_;
    std::shared_ptr<guest::AgentClient> agent_;
    agent::Token token_{};
    std::vector<std::string> nodes_;  ///< QEMU's name of each disk's top
    int generation_ = 0;
};

}  // namespace banger::proofs
