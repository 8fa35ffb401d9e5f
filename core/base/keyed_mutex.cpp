// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/keyed_mutex.hpp"

#include <list>
#include <map>
#include <mutex>

#include "core/base/durations.hpp"
#include "core/base/event.hpp"
#include "core/base/lock_order.hpp"

namespace banger::base {
namespace {

using Clock = std::chrono::steady_clock;

struct Waiter {
    std::string doing;
    Event turn;
};

struct Key {
    KeyedMutex::Holder holder;
    std::list<Waiter> waiters;
};

sdk::Error busy(const KeyedMutex::Holder& holder)
{
    return sdk::make_error(sdk::Code::busy, described(holder), "try again once that has ended");
}

}  // namespace

std::string described(const KeyedMutex::Holder& holder)
{
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - holder.since);
    return holder.doing + " (" + format_duration(age) + ")";
}

// Shared with the locks, so that a lock may outlive the KeyedMutex.
struct KeyedMutex::State {
    std::mutex mutex;
    std::map<std::string, Key> keys;

    // With the mutex held: the key goes to who waits longest, or is free.
    void pass_on(const std::string& name)
    {
        const auto key = keys.find(name);
        auto& waiters = key->second.waiters;
        if (waiters.empty()) {
            keys.erase(key);
            return;
        }
        key->second.holder = Holder{std::move(waiters.front().doing), Clock::now()};
        waiters.front().turn.set();
        waiters.front().doing.clear();
        granted.splice(granted.end(), waiters, waiters.begin());
    }

    std::list<Waiter> granted;  // hold their key but have not woken up yet
};

KeyedMutex::KeyedMutex() : state_(std::make_shared<State>()) {}

sdk::Result<KeyedMutex::Lock> KeyedMutex::lock(const std::string& key, std::string doing, const sdk::Call* call,
                                               std::optional<std::chrono::milliseconds> patience)
{
    lock_order::about_to("wait for a key");
    std::unique_lock held(state_->mutex);
    const auto [entry, is_free] = state_->keys.try_emplace(key);
    if (is_free) {
        entry->second.holder = Holder{std::move(doing), Clock::now()};
        return Lock(state_, key);
    }
    if (patience && patience->count() <= 0)
        return busy(entry->second.holder);
    auto turn = Event::make();
    if (!turn)
        return std::move(turn).error();
    auto& waiters = entry->second.waiters;
    const auto place = waiters.insert(waiters.end(), Waiter{std::move(doing), std::move(*turn)});
    held.unlock();
    const Woken woken = wait(place->turn, call, patience ? std::optional(Clock::now() + *patience) : std::nullopt);
    held.lock();
    // The turn may have come after the wait gave up, and then the key is ours to keep or to pass on.
    const bool ours = wait(place->turn, nullptr, Clock::now()) == Woken::event;
    const auto now = state_->keys.find(key);
    if (ours) {
        state_->granted.erase(place);
        if (woken != Woken::cancelled)
            return Lock(state_, key);
        state_->pass_on(key);
        return sdk::make_error(sdk::Code::cancelled, "cancelled while waiting for its turn");
    }
    now->second.waiters.erase(place);
    if (woken == Woken::cancelled)
        return sdk::make_error(sdk::Code::cancelled, "cancelled while waiting: " + described(now->second.holder));
    return busy(now->second.holder);
}

sdk::Result<KeyedMutex::Lock> KeyedMutex::try_lock(const std::string& key, std::string doing)
{
    return lock(key, std::move(doing), nullptr, std::chrono::milliseconds(0));
}

std::optional<KeyedMutex::Holder> KeyedMutex::holder(const std::string& key) const
{
    const std::lock_guard held(state_->mutex);
    const auto found = state_->keys.find(key);
    return found == state_->keys.end() ? std::nullopt : std::optional(found->second.holder);
}

KeyedMutex::Lock& KeyedMutex::Lock::operator=(Lock&& other) noexcept
{
    if (this == &other)
        return *this;
    unlock();
    state_ = std::move(other.state_);
    key_ = std::move(other.key_);
    return *this;
}

void KeyedMutex::Lock::unlock()
{
    const auto state = std::exchange(state_, nullptr);
    if (!state)
        return;
    const std::lock_guard held(state->mutex);
    state->pass_on(key_);
}

void KeyedMutex::Lock::now_doing(std::string doing) const
{
    const std::lock_guard held(state_->mutex);
    state_->keys.at(key_).holder.doing = std::move(doing);
}

}  // namespace banger::base
