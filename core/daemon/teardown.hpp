// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>

#include "core/daemon/service.hpp"

namespace banger::daemon {

/// Does what stops and deletions leave to do behind their answers (core/lifecycle/teardown.hpp), on workers of its own. What
/// fails is tried again, ever more slowly, a few times; then the VM is unlocked and listed again, with what is left of it.
/// Threads: any. Lifetime: outlives the service's workers' jobs. The end of the daemon waits for what is being tried, and
/// leaves to the next one what would be tried again.
class Teardown {
public:
    Teardown(boost::asio::io_context& loop, Service& service,
             std::chrono::milliseconds first_pause = std::chrono::milliseconds(250));

    void begin(std::shared_ptr<lifecycle::LockedVm> vm);

private:
    void try_now(const std::shared_ptr<lifecycle::LockedVm>& vm, int attempt);
    void try_later(const std::shared_ptr<lifecycle::LockedVm>& vm, int attempt);
    void end(lifecycle::LockedVm& vm);

    boost::asio::io_context& loop_;
    Service& service_;
    std::chrono::milliseconds first_pause_;
};

}  // namespace banger::daemon
