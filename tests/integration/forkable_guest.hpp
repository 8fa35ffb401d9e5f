// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm_snapshot.hpp"
#include "core/guest/agent_client.hpp"
#include "tests/proofs/proof_guest.hpp"

namespace banger::integration {

/// The real providers, as core uses them: through their interfaces alone. Test failures if one cannot be made.
class Providers {
public:
    /// With the VMM of that name: "qemu", "firecracker".
    explicit Providers(const std::string& vmm_name);
    ~Providers();
    Providers(const Providers&) = delete;
    Providers& operator=(const Providers&) = delete;

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Vmm> vmm;
    std::unique_ptr<sdk::VmmSnapshot> snapshot;
    std::unique_ptr<sdk::Storage> storage;
    std::unique_ptr<sdk::StorageFork> fork;
    sdk::Attachment closed_link;            ///< to nowhere, of a kind that the VMM has a device for if it can
    std::vector<std::string> disk_formats;  ///< what the storage offers on this file system, such as "disk:qcow2"
    boost::asio::io_context loop;

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

/// A guest at one instant: what others can be made from.
struct Saved {
    std::string directory;           ///< memory and devices
    std::vector<sdk::Layer> layers;  ///< of the writable disks, in their order
    sdk::BootSpec boot;
    std::string disk_format;
    std::string token;  ///< to which a copy's agent answers at first
};

/// How long an emulated machine on a busy host may take for anything; what takes longer is lost.
guest::Patience patient();

/// A guest that can be forked and forked again. Threads: one.
class ForkableGuest {
public:
    /// Boots over the seed's image. Test failures, and nothing, if it does not come up.
    static std::unique_ptr<ForkableGuest> boot(Providers& use, const proofs::Seed& seed, const std::string& name,
                                               const std::string& disk_format);
    /// A copy, which takes an identity of its own before anything else.
    static std::unique_ptr<ForkableGuest> restore(Providers& use, const Saved& saved, const std::string& name);
    ~ForkableGuest();
    ForkableGuest(const ForkableGuest&) = delete;
    ForkableGuest& operator=(const ForkableGuest&) = delete;

    /// Saves memory and all disks at one instant, in the order that VmmSnapshot says; the guest goes on. A test
    /// failure, and nothing, if a step fails.
    std::unique_ptr<Saved> save();
    /// A command of its shell: the output. A test failure unless it ends with 0.
    std::string sh(const std::string& script);
    guest::AgentClient& agent() { return *agent_; }
    void power_off();
    /// Its writable disks, which no VMM has open once it is off.
    [[nodiscard]] std::vector<sdk::Disk> disks() const;

private:
    ForkableGuest(Providers& use, std::string name, std::string disk_format);
    bool make_disks(const std::vector<sdk::Layer>& layers);
    bool greet(const std::string& token);
    bool become(const std::string& token);
    std::vector<sdk::Attached<sdk::Freeze>> begin_freezes();
    bool save_at_one_instant(Saved& saved, const std::vector<sdk::Attached<sdk::Freeze>>& freezes);

    Providers& use_;
    std::string name_;
    std::string disk_format_;
    sdk::BootSpec boot_;
    std::vector<sdk::DiskSpec> specs_;  ///< of the writable disks
    sdk::Handle handle_;
    std::string token_;
    std::shared_ptr<guest::AgentClient> agent_;
};

}  // namespace banger::integration
