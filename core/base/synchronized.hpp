// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/base/lock_order.hpp"

namespace banger::base {

/// A value that can only be reached while its mutex is held.
///
///     Synchronized<std::map<std::string, int>> counts;
///     counts.lock()->emplace("a", 1);        // held for this expression
///     auto held = counts.lock();             // held for this scope
///
/// Keep nothing that points into the value after the guard is gone, and hold it across no plugin call and no process.
template <typename T>
class Synchronized {
public:
    Synchronized() = default;
    explicit Synchronized(T value) : value_(std::move(value)) {}
    Synchronized(const Synchronized&) = delete;
    Synchronized& operator=(const Synchronized&) = delete;
    ~Synchronized() = default;

    template <typename Value>
    class Guard {
    public:
        Value& operator*() const { return *value_; }
        Value* operator->() const { return value_; }

        /// Lets others in until `ready` holds; returns with the value held again.
        template <typename Ready>
        void wait(std::condition_variable& changed, Ready ready)
        {
            changed.wait(held_, [&] { return ready(*value_); });
        }

    private:
        friend class Synchronized;
        Guard(std::mutex& mutex, Value& value) : held_(mutex), value_(&value) {}

        lock_order::Leaf leaf_;
        std::unique_lock<std::mutex> held_;
        Value* value_;
    };

    [[nodiscard]] Guard<T> lock() { return Guard<T>(mutex_, value_); }
    [[nodiscard]] Guard<const T> lock() const { return Guard<const T>(mutex_, value_); }

private:
    mutable std::mutex mutex_;
    T value_{};
};

}  // namespace banger::base
