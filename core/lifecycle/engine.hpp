// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/keyed_mutex.hpp"
#include "core/base/single_flight.hpp"
#include "core/base/synchronized.hpp"
#include "core/config/config.hpp"
#include "core/config/paths.hpp"
#include "core/forward/loopback_addresses.hpp"
#include "core/images/image_store.hpp"
#include "core/images/kernel_store.hpp"
#include "core/lifecycle/agents.hpp"
#include "core/lifecycle/name_routes.hpp"
#include "core/lifecycle/operation.hpp"
#include "core/lifecycle/provider_operations.hpp"
#include "core/lifecycle/teardowns.hpp"
#include "core/lifecycle/underway.hpp"
#include "core/lifecycle/usage.hpp"
#include "core/lifecycle/vm_set.hpp"
#include "core/plugins/registry.hpp"
#include "core/store/vm_store.hpp"
#include "core/units/scopes.hpp"

namespace banger::lifecycle {

struct LockedVm;

/// What every verb works with. Made once by the daemon; verbs are free functions over it, one file each.
///
/// Lock order (outermost first): a VM's operation lock, its guest lock, an image's or kernel's, then whatever the members lock inside one call.
/// No member holds a lock of its own while it calls a plugin or waits for a process. Who holds a VM's lock waits for no other
/// VM's; he may wait for teardowns (teardown.hpp), which hold theirs from the beginning and wait for none.
struct Engine {
    const config::Paths& paths;
    const config::Config& config;
    const config::HostFacts& host;
    const images::Catalogue& catalogue;
    std::string instance;            ///< 8 hex digits, part of every name on the host
    std::string agent_program;       ///< the static agent that goes into the initramfs
    plugins::Registry& registry;
    store::VmStore& store;
    images::ImageStore& images;
    images::KernelStore& kernels;
    ProviderOperations& operations;  ///< release, inspect and list over all providers
    Agents& agents;

    base::KeyedMutex vm_locks;       ///< one operation per VM at a time
    base::SingleFlight<std::string> builds;  ///< files that VMs share, by path
    handles::JournalCache journals;
    Underway underway;               ///< creations and starts that may still be called off
    Usage& usage;                    ///< when each VM was last used

    /// Told after a VM's VMM was started or found alive, so that its end is noticed. Set by the daemon.
    std::function<void(const std::string& vm, const sdk::Handle& vmm)> watch_exit;

    /// VMs that stand still until there is room on the host's disk again. The next daemon lets go on whatever it finds
    /// standing (adopt.hpp), and looks at the room itself.
    VmSet standing{};
    forward::LoopbackAddresses& addresses;  ///< of VMs on this host that have none which it reaches
    /// Told of a VM with such an address: its ports are to appear there, and to go. Set by the daemon.
    std::function<void(const std::string& vm, const std::string& address)> publish_ports;
    std::function<void(const std::string& vm)> withdraw_ports;
    base::Synchronized<NameRoutes> name_routes{};

    /// Told of a VM whose VMM is about to run and nobody is told of yet, and when that is over. Set by the daemon.
    std::function<void(const std::string& vm)> boot_begins{};
    std::function<void(const std::string& vm)> boot_ended{};
    /// Told of a VM that runs and whose address, name or ports are not all there (reach.hpp). Set by the daemon.
    std::function<void(const std::string& vm)> open_reach_later{};

    units::Scopes* scopes = nullptr;  ///< of machines that are started; none where nobody makes any. Set by the daemon.

    base::KeyedMutex source_locks{};  ///< an image or kernel, by id, while it is taken for a VM or removed (sources.hpp)

    /// VMs that are locked from the answer to a stop or deletion until what it left to do is done or given up
    /// (teardown.hpp). The next daemon finds that in rows and journals.
    Teardowns in_teardown{};
    /// Does it. Set by the daemon; without one it is done before the answer.
    std::function<void(std::shared_ptr<LockedVm>)> tear_down_later{};

    [[nodiscard]] sdk::Owner owner_of(const std::string& vm) const;
    /// The VM's journal. The caller holds its operation lock.
    [[nodiscard]] sdk::Result<handles::HandleJournal> journal_of(const std::string& vm);
};

inline constexpr std::chrono::seconds patience_for_lock{30};

/// Holds a VM's operation lock. Who has to wait is told for whom; `busy` once patience ends, naming the holder;
/// `cancelled` with the operation.
sdk::Result<base::KeyedMutex::Lock> lock_vm(Engine& engine, const model::VmRecord& vm, const std::string& doing,
                                            Operation& operation,
                                            std::optional<std::chrono::milliseconds> patience = patience_for_lock);

/// A VM that was found, or by id, name or prefix, with its operation lock held, read again under the lock.
struct LockedVm {
    model::VmRecord record;
    base::KeyedMutex::Lock lock;
};
sdk::Result<LockedVm> lock_found(Engine& engine, const model::VmRecord& found, const std::string& doing,
                                 Operation& operation,
                                 std::optional<std::chrono::milliseconds> patience = patience_for_lock);
sdk::Result<LockedVm> find_and_lock(Engine& engine, const std::string& reference, const std::string& doing,
                                    Operation& operation,
                                    std::optional<std::chrono::milliseconds> patience = patience_for_lock);

}  // namespace banger::lifecycle
