// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "banger/sdk/host.hpp"
#include "banger/sdk/result.hpp"

namespace banger::base {

/// One lock per key, which knows who holds it and why.
///
/// Threads: any. Not recursive. Waiters are served in the order they came. A key costs memory only while it is held.
class KeyedMutex {
    struct State;

public:
    /// What the holder of a key said it is doing.
    struct Holder {
        std::string doing;  ///< a whole clause, such as "vm 'web' is being started"
        std::chrono::steady_clock::time_point since;
    };

    /// Holds one key until it is destroyed. May be moved to, and released by, another thread, and may outlive the
    /// KeyedMutex.
    class Lock {
    public:
        Lock() = default;
        Lock(Lock&& other) noexcept = default;
        Lock& operator=(Lock&& other) noexcept;
        Lock(const Lock&) = delete;
        Lock& operator=(const Lock&) = delete;
        ~Lock() { unlock(); }

        void unlock();
        explicit operator bool() const { return state_ != nullptr; }
        /// Changes what others are told, such as when a start becomes a roll-back. Only while it holds.
        void now_doing(std::string doing) const;

    private:
        friend class KeyedMutex;
        Lock(std::shared_ptr<State> state, std::string key) : state_(std::move(state)), key_(std::move(key)) {}

        std::shared_ptr<State> state_;
        std::string key_;
    };

    KeyedMutex();

    /// Waits for the key. `doing` is what others are told while it is held. `cancelled` once `call` (may be null) is;
    /// `busy`, saying who holds it and for how long, after `patience`.
    [[nodiscard]] sdk::Result<Lock> lock(const std::string& key, std::string doing, const sdk::Call* call = nullptr,
                                         std::optional<std::chrono::milliseconds> patience = {});

    /// Does not wait: `busy`, saying who holds it and for how long.
    [[nodiscard]] sdk::Result<Lock> try_lock(const std::string& key, std::string doing);

    [[nodiscard]] std::optional<Holder> holder(const std::string& key) const;

private:
    std::shared_ptr<State> state_;
};

/// What is being done with a key, and for how long: "vm 'web' is being started (2 s)".
[[nodiscard]] std::string described(const KeyedMutex::Holder& holder);

}  // namespace banger::base
