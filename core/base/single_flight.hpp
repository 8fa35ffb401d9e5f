// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/result.hpp"
#include "core/base/call_context.hpp"
#include "core/base/event.hpp"

namespace banger::base {

/// Shared work by key: the second caller joins the first instead of doing it again.
///
/// The work runs on a thread of its own, so that a caller who gives up leaves at once while others still wait. When the
/// last caller gives up, the work is cancelled and that caller waits for its end, so that what it rolls back is rolled
/// back. A caller who comes while work is being cancelled waits for its end and starts anew.
///
/// Threads: any. T must be copyable. The work must capture by value: it may outlive the caller who brought it.
/// Lifetime: destruction cancels all work and waits for it; nobody may be in `run` by then.
template <typename T>
class SingleFlight {
public:
    /// Its call is cancelled when nobody waits any more, and its progress goes to everybody who waits.
    using Work = std::function<sdk::Result<T>(sdk::Call&)>;

    SingleFlight() = default;
    SingleFlight(const SingleFlight&) = delete;
    SingleFlight& operator=(const SingleFlight&) = delete;

    ~SingleFlight()
    {
        std::unique_lock held(state_->mutex);
        for (auto& [key, flight] : state_->flights)
            flight->cancel();
        state_->landed.wait(held, [&] { return state_->flights.empty(); });
    }

    /// The work's result, made once for all who ask for `key` at the same time. `cancelled` once `call` is. Progress
    /// arrives from the thread of the work, and never after this returned.
    [[nodiscard]] sdk::Result<T> run(const std::string& key, sdk::Call& call, Work work)
    {
        for (;;) {
            if (call.cancelled())
                return sdk::make_error(sdk::Code::cancelled, "cancelled");
            auto seat = take_seat(key, call, work);
            if (!seat)
                return std::move(seat).error();
            const Woken woken = wait((*seat)->flight->done, &call);
            const bool joined = (*seat)->joined;
            leave(**seat, woken);
            if (woken == Woken::cancelled)
                return sdk::make_error(sdk::Code::cancelled, "cancelled");
            if (joined)
                return *(*seat)->flight->result;
        }
    }

    /// How many callers wait for this key now.
    [[nodiscard]] std::size_t waiting(const std::string& key) const
    {
        const std::lock_guard held(state_->mutex);
        const auto found = state_->flights.find(key);
        return found == state_->flights.end() ? 0 : found->second->callers.size();
    }

private:
    struct Flight {
        explicit Flight(Event event) : done(std::move(event)), call([this](const sdk::Progress& step) { tell(step); })
        {
            call.on_warning([this](const std::string& message) { warn(message); });
        }

        void cancel()
        {
            dying = true;
            call.cancel();
        }

        void tell(const sdk::Progress& step)
        {
            const std::lock_guard held(progress_mutex);
            last = step;
            for (sdk::Call* caller : listeners)
                caller->progress(step);
        }

        void warn(const std::string& message)
        {
            const std::lock_guard held(progress_mutex);
            warnings.push_back(message);
            for (sdk::Call* caller : listeners)
                caller->warn(message);
        }

        Event done;
        CallContext call;
        std::optional<sdk::Result<T>> result;  // set before `done`
        std::list<sdk::Call*> callers;         // this and `dying` under the state's mutex
        bool dying = false;
        std::mutex progress_mutex;  // held while listeners are called, so that none is called after it left
        std::list<sdk::Call*> listeners;
        std::optional<sdk::Progress> last;
        std::vector<std::string> warnings;  // for those who join later
    };

    struct Seat {
        std::shared_ptr<Flight> flight;
        bool joined = false;  // false: only waiting for a dying flight to end
        bool listens = false;  // from the first word on, who began it
        std::list<sdk::Call*>::iterator caller{};
        std::list<sdk::Call*>::iterator listener{};
    };

    // Shared with the threads, whose last act is to unlock it.
    struct State {
        mutable std::mutex mutex;
        std::condition_variable landed;
        std::map<std::string, std::shared_ptr<Flight>> flights;
    };

    sdk::Result<std::unique_ptr<Seat>> take_seat(const std::string& key, sdk::Call& call, const Work& work)
    {
        auto seat = std::make_unique<Seat>();
        {
            const std::lock_guard held(state_->mutex);
            const auto found = state_->flights.find(key);
            if (found != state_->flights.end()) {
                seat->flight = found->second;
            } else {
                auto flight = launch(key, work, call, *seat);
                if (!flight)
                    return std::move(flight).error();
                seat->flight = *flight;
            }
            if (seat->flight->dying)
                return seat;
            seat->joined = true;
            seat->caller = seat->flight->callers.insert(seat->flight->callers.end(), &call);
        }
        if (seat->listens)
            return seat;
        Flight& flight = *seat->flight;
        const std::lock_guard held(flight.progress_mutex);
        if (flight.last)
            call.progress(*flight.last);
        for (const auto& warning : flight.warnings)
            call.warn(warning);
        seat->listener = flight.listeners.insert(flight.listeners.end(), &call);
        return seat;
    }

    void leave(Seat& seat, Woken woken)
    {
        if (!seat.joined)
            return;
        Flight& flight = *seat.flight;
        bool last = false;
        {
            const std::lock_guard held(state_->mutex);
            flight.callers.erase(seat.caller);
            last = woken == Woken::cancelled && flight.callers.empty();
            if (last)
                flight.cancel();
        }
        if (last)
            (void)wait(flight.done, nullptr);
        const std::lock_guard held(flight.progress_mutex);
        flight.listeners.erase(seat.listener);
    }

    // With the state's mutex held.
    sdk::Result<std::shared_ptr<Flight>> launch(const std::string& key, Work work, sdk::Call& call, Seat& seat)
    {
        auto done = Event::make();
        if (!done)
            return std::move(done).error();
        auto flight = std::make_shared<Flight>(std::move(*done));
        seat.listener = flight->listeners.insert(flight->listeners.end(), &call);
        seat.listens = true;
        try {
            std::thread([state = state_, flight, key, work = std::move(work)]() mutable {
                flight->result.emplace(perform(work, flight->call));
                work = nullptr;  // what it captured ends before anybody is told that it is done
                const std::lock_guard held(state->mutex);
                flight->done.set();
                state->flights.erase(key);
                state->landed.notify_all();
            }).detach();
        } catch (const std::exception& error) {
            return sdk::make_error(sdk::Code::unavailable, std::string("cannot start a thread: ") + error.what());
        }
        state_->flights.emplace(key, flight);
        return flight;
    }

    static sdk::Result<T> perform(const Work& work, sdk::Call& call)
    {
        try {
            return work(call);
        } catch (const std::exception& error) {
            return sdk::make_error(sdk::Code::internal, std::string("shared work failed: ") + error.what());
        }
    }

    std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace banger::base
