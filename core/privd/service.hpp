// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/jail.hpp"
#include "core/base/worker_pool.hpp"
#include "core/plugins/sidecar.hpp"
#include "core/privd/arguments.hpp"
#include "core/rpc/server.hpp"
#include "core/units/scopes.hpp"

namespace banger::privd {

/// What an installation has in the kernel now.
struct Held {
    Installation installation;
    std::size_t disks = 0;
    std::size_t links = 0;
};

/// Answers requests with what providers say, once Remit has seen what they name.
///
/// Threads: handle is called on the loop; providers are on workers.
class Service {
public:
    struct Settings {
        uid_t user = 0;  ///< whom it serves
        Remit::IsOfSession is_of_session = nullptr;  ///< see Remit
        /// The provider for an installation, or why there is none.
        std::function<sdk::Result<std::shared_ptr<sdk::Provider>>(const Installation&, const plugins::CapabilityName&)>
            provider;
        /// What an installation is called in the kernel: providers see that instead of its instance.
        std::function<std::string(const std::string& instance)> name_in_kernel;
        sdk::Jails* jails = nullptr;  ///< as its user; outlives the service
        units::Scopes* scopes = nullptr;  ///< outlives the service
        /// Of every installation that it ever served.
        std::function<sdk::Result<std::vector<Held>>()> held;
    };

    explicit Service(Settings settings);
    /// Work under way is finished. The loop must still be there.
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void handle(const std::shared_ptr<rpc::Exchange>& exchange);
    /// What waits for a worker, and what comes later, fails with `cancelled`. From any thread.
    void stop() { stopping_ = true; }

private:
    Settings settings_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::size_t> waiting_ = 0;  ///< for a worker
    base::WorkerPool workers_;  // last: its work needs the rest
};

}  // namespace banger::privd
