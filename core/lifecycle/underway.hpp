// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "core/base/synchronized.hpp"
#include "core/lifecycle/operation.hpp"

namespace banger::lifecycle {

/// The operations that are making or starting a VM, so that whoever wants it gone need not wait for them to succeed.
/// Threads: any.
class Underway {
public:
    /// Says that an operation works on a VM, until this is destroyed. The operation outlives it.
    class Entry {
    public:
        Entry(Underway& list, std::string vm) : list_(list), vm_(std::move(vm)) {}
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() { list_.operations_.lock()->erase(vm_); }

    private:
        Underway& list_;
        std::string vm_;
    };

    /// The caller holds the VM's operation lock: one entry per VM.
    [[nodiscard]] Entry enter(const std::string& vm, Operation& operation)
    {
        operations_.lock()->insert_or_assign(vm, &operation);
        return {*this, vm};
    }

    /// Cancels what is under way; it rolls back, and then lets go of the VM's lock. False if nothing is.
    /// What is past its point of no return goes on.
    bool call_off(const std::string& vm)
    {
        return tell(vm, [](Operation& operation) {
            operation.cancel();
            return true;
        });
    }
    /// The same for a reason that whoever waits for it is told. False also if it goes on.
    bool call_off(const std::string& vm, const sdk::Error& why)
    {
        return tell(vm, [&](Operation& operation) { return operation.call_off(why); });
    }

private:
    template <typename Tell>
    bool tell(const std::string& vm, const Tell& with)
    {
        // Held meanwhile, so that the operation cannot end; cancelling it waits for nobody.
        const auto operations = operations_.lock();
        const auto found = operations->find(vm);
        return found != operations->end() && with(*found->second);
    }

    base::Synchronized<std::map<std::string, Operation*>> operations_;
};

}  // namespace banger::lifecycle
