// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/call_context.hpp"
#include "core/base/event.hpp"
#include "core/base/keyed_mutex.hpp"
#include "core/base/lock_order.hpp"

namespace banger::lifecycle {

/// VMs, by id, that are being taken apart behind an answer, each under its operation lock. Whoever waits here waits for
/// no more than that: who waits for the lock also waits for all who came for it before. Threads: any.
class Teardowns {
public:
    void add(const std::string& vm)
    {
        const std::lock_guard held(mutex_);
        vms_.insert(vm);
        const auto [first, last] = cancelled_.equal_range(vm);
        for (auto each = first; each != last; ++each)
            each->second->cancel();
    }
    /// Lets go of the VM's lock in the same step: whoever waited finds that free, or with the next.
    void end(const std::string& vm, base::KeyedMutex::Lock& lock)
    {
        const std::lock_guard held(mutex_);
        vms_.erase(vm);
        lock.unlock();
        fewer_.notify_all();
    }
    [[nodiscard]] bool has(const std::string& vm) const
    {
        const std::lock_guard held(mutex_);
        return vms_.contains(vm);
    }
    [[nodiscard]] std::vector<std::string> all() const
    {
        const std::lock_guard held(mutex_);
        return {vms_.begin(), vms_.end()};
    }
    /// True once the VM is none of them; false if it still is when the time has come or `token` is told to stop.
    [[nodiscard]] bool await(const std::string& vm, const std::stop_token& token, base::Deadline deadline)
    {
        base::lock_order::about_to("wait for a teardown");
        std::unique_lock held(mutex_);
        return fewer_.wait_until(held, token, deadline, [&] { return !vms_.contains(vm); });
    }
    /// Cancels a call as soon as the VM is one of them, for as long as this lives: what it waits for is then done elsewhere.
    class Cancels {
    public:
        Cancels(Teardowns& teardowns, const std::string& vm, base::CallContext& call) : teardowns_(teardowns)
        {
            const std::lock_guard held(teardowns_.mutex_);
            place_ = teardowns_.cancelled_.emplace(vm, &call);
            if (teardowns_.vms_.contains(vm))
                call.cancel();
        }
        ~Cancels()
        {
            const std::lock_guard held(teardowns_.mutex_);
            teardowns_.cancelled_.erase(place_);
        }
        Cancels(const Cancels&) = delete;
        Cancels& operator=(const Cancels&) = delete;

    private:
        Teardowns& teardowns_;
        std::multimap<std::string, base::CallContext*>::iterator place_;
    };

private:
    mutable std::mutex mutex_;
    std::condition_variable_any fewer_;
    std::set<std::string> vms_;
    std::multimap<std::string, base::CallContext*> cancelled_;  ///< by VM, what its teardown cancels
};

}  // namespace banger::lifecycle
