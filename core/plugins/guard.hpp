// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "banger/sdk/host.hpp"
#include "banger/sdk/result.hpp"
#include "core/base/synchronized.hpp"
#include "core/plugins/call_threads.hpp"
#include "core/plugins/in_flight.hpp"

namespace banger::plugins {

/// How long a plugin may take before its thread is written off.
struct Deadlines {
    std::chrono::milliseconds open = std::chrono::minutes(2);    ///< load, make
    std::chrono::milliseconds query = std::chrono::seconds(30);  ///< plan, inspect, list, kill, names
    std::chrono::milliseconds change = std::chrono::minutes(2);  ///< attach, release, create, destroy
    std::chrono::milliseconds probe = std::chrono::minutes(1);
    std::chrono::milliseconds apply = std::chrono::minutes(10);  ///< and open_channel, whose caller has less patience
    std::chrono::milliseconds fetch = std::chrono::hours(1);
    std::chrono::milliseconds grace = std::chrono::seconds(20);  ///< to wind up once it was cancelled or its time is up
};

/// One method of an interface, as the guard sees it.
struct Method {
    const char* name;
    std::chrono::milliseconds Deadlines::*deadline;
    bool changes = false;  ///< changes the world: a fault seam before and after it
};

/// The only way into a plugin: turns what it throws into an error that names it, bounds its time, and keeps it out for
/// good once it hung.
///
/// Each call runs on a thread of its own with everything it touches captured by value. When the deadline passes, the
/// call is cancelled and has the grace to end; then its thread is written off and the plugin is quarantined: every
/// later call of any of its providers is refused at once. A caller that cancels has the same grace. Threads: any.
class Guard {
public:
    /// Shared by all providers of a plugin, and by every call that was written off.
    struct Plugin {
        Plugin(std::string its_id, const Deadlines& limits, std::shared_ptr<CallThreads> run_on,
               std::shared_ptr<InFlight> noted_in)
            : id(std::move(its_id)), deadlines(limits), threads(std::move(run_on)), in_flight(std::move(noted_in))
        {
        }

        const std::string id;
        const Deadlines deadlines;
        const std::shared_ptr<CallThreads> threads;
        const std::shared_ptr<InFlight> in_flight;  ///< may be null
        base::Synchronized<std::optional<sdk::Error>> quarantine;
    };

    /// `subject` names the provider in fault points: "vmm/0 qemu".
    Guard(std::shared_ptr<Plugin> plugin, std::string subject)
        : plugin_(std::move(plugin)), subject_(std::move(subject))
    {
    }

    /// Runs the body, which gets a call of its own: cancelled when `caller` (may be null) is or the time is up, its
    /// progress passed on until this returns. Errors beside the body's own: `plugin` if it throws, hangs or is
    /// quarantined; `timed_out` if it gave up because its time was up.
    template <typename T>
    [[nodiscard]] sdk::Result<T> call(const Method& method, sdk::Call* caller,
                                      std::function<sdk::Result<T>(sdk::Call&)> body) const
    {
        if (auto point = before(method); !point)
            return std::move(point).error();
        const auto landing = std::make_shared<std::optional<sdk::Result<T>>>();
        auto ended =
            run(method, caller, [landing, body = std::move(body)](sdk::Call& call) { landing->emplace(body(call)); });
        if (!ended)
            return std::move(ended).error();
        if (auto point = after(method); !point)
            return std::move(point).error();
        if (!landing->value() && ended->time_was_up)
            return timed_out(method, std::move(landing->value()).error());
        return std::move(landing->value());
    }

    /// Runs what ends a provider's life, unless the plugin is quarantined. Returns within the deadline in any case.
    void retire(std::function<void()> end) const;

    [[nodiscard]] std::optional<sdk::Error> quarantined() const { return *plugin_->quarantine.lock(); }

private:
    struct Ended {
        bool time_was_up = false;
    };

    [[nodiscard]] sdk::Result<void> before(const Method& method) const;
    [[nodiscard]] sdk::Result<void> after(const Method& method) const;
    [[nodiscard]] sdk::Result<Ended> run(const Method& method, sdk::Call* caller,
                                         std::function<void(sdk::Call&)> body) const;
    [[nodiscard]] sdk::Error write_off(const Method& method, std::chrono::milliseconds waited) const;
    [[nodiscard]] sdk::Error timed_out(const Method& method, sdk::Error error) const;

    std::shared_ptr<Plugin> plugin_;
    std::string subject_;
};

}  // namespace banger::plugins
