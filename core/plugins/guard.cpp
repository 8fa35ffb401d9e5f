// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/guard.hpp"

#include <exception>
#include <mutex>

#include "core/base/call_context.hpp"
#include "core/base/durations.hpp"
#include "core/base/event.hpp"
#include "core/base/fault.hpp"
#include "core/base/lock_order.hpp"

namespace banger::plugins {
namespace {

using base::Deadline;
using base::Woken;

// What the plugin sees of its caller, for as long as there is one.
class Relay final : public sdk::Call {
public:
    explicit Relay(sdk::Call* caller) : caller_(caller) {}

    [[nodiscard]] bool cancelled() const override
    {
        if (own_.cancelled())
            return true;
        // Asked at the source: the waiting thread, which passes a cancellation on, may not have woken up yet.
        const std::lock_guard held(mutex_);
        return caller_ != nullptr && caller_->cancelled();
    }
    [[nodiscard]] int cancel_descriptor() const override { return own_.cancel_descriptor(); }
    void progress(const sdk::Progress& progress) override
    {
        const std::lock_guard held(mutex_);
        if (caller_ != nullptr)
            caller_->progress(progress);
    }
    void warn(const std::string& message) override
    {
        const std::lock_guard held(mutex_);
        if (caller_ != nullptr)
            caller_->warn(message);
    }

    void cancel() { own_.cancel(); }
    // Once this returned nothing of the caller is touched any more.
    void cut()
    {
        const std::lock_guard held(mutex_);
        caller_ = nullptr;
    }

private:
    base::CallContext own_;
    mutable std::mutex mutex_;
    sdk::Call* caller_;
};

// One call under way. Held by the waiting caller and by the thread, whichever lasts longer.
struct Flight {
    Flight(base::Event event, sdk::Call* caller) : done(std::move(event)), call(caller) {}

    base::Event done;
    Relay call;
    std::mutex mutex;
    std::optional<sdk::Error> thrown;
};

sdk::Error threw(const std::string& plugin, const char* method, const std::string& what)
{
    return sdk::make_error(sdk::Code::plugin, "plugin '" + plugin + "' threw in " + method + ": " + what,
                           "this is a defect of the plugin: tell its author");
}

// On the thread. What was thrown is read while the library that threw it is certainly mapped.
void fly(const std::shared_ptr<Guard::Plugin>& plugin, const char* method, const std::shared_ptr<Flight>& flight,
         std::function<void(sdk::Call&)> body)
{
    std::optional<sdk::Error> thrown;
    {
        const InFlight::Note note(plugin->in_flight.get(), plugin->id, method);
        try {
            body(flight->call);
        } catch (const std::exception& error) {
            thrown = threw(plugin->id, method, error.what());
        } catch (...) {
            thrown = threw(plugin->id, method, "something that is no std::exception");
        }
        body = nullptr;  // what it captured may be the plugin's too
    }
    const std::lock_guard held(flight->mutex);
    flight->thrown = std::move(thrown);
    flight->done.set();
}

}  // namespace

sdk::Result<void> Guard::before(const Method& method) const
{
    if (auto refused = quarantined())
        return std::move(*refused);
    return method.changes ? base::fault::reach("before " + subject_ + " " + method.name) : sdk::Result<void>();
}

sdk::Result<void> Guard::after(const Method& method) const
{
    return method.changes ? base::fault::reach("after " + subject_ + " " + method.name) : sdk::Result<void>();
}

sdk::Result<Guard::Ended> Guard::run(const Method& method, sdk::Call* caller,
                                     std::function<void(sdk::Call&)> body) const
{
    base::lock_order::about_to("call a plugin");
    if (caller != nullptr && caller->cancelled())
        return sdk::make_error(sdk::Code::cancelled, "cancelled before " + subject_ + " " + method.name);
    auto done = base::Event::make();
    if (!done)
        return std::move(done).error();
    const auto flight = std::make_shared<Flight>(std::move(*done), caller);
    auto started =
        plugin_->threads->run([plugin = plugin_, name = method.name, flight, body = std::move(body)]() mutable {
            fly(plugin, name, flight, std::move(body));
        });
    if (!started)
        return std::move(started).error();

    const auto& deadlines = plugin_->deadlines;
    const auto begun = Deadline::clock::now();
    Woken woken = base::wait(flight->done, caller, begun + deadlines.*method.deadline);
    const bool time_was_up = woken == Woken::timed_out;
    if (woken != Woken::event) {
        flight->call.cancel();
        // A method without a Call cannot see that, so it has had all its time already.
        const auto wind_up = caller != nullptr ? deadlines.grace : std::chrono::milliseconds(0);
        woken = base::wait(flight->done, nullptr, Deadline::clock::now() + wind_up);
    }
    flight->call.cut();
    if (woken != Woken::event)
        return write_off(method, std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::clock::now() - begun));
    const std::lock_guard held(flight->mutex);
    if (flight->thrown)
        return std::move(*flight->thrown);
    return Ended{time_was_up};
}

sdk::Error Guard::write_off(const Method& method, std::chrono::milliseconds waited) const
{
    const auto since = base::format_duration(waited);
    const std::string hint = "restart the daemon with `banger daemon stop`; virtual machines keep running";
    *plugin_->quarantine.lock() = sdk::make_error(
        sdk::Code::plugin,
        "plugin '" + plugin_->id + "' is out of use: its " + method.name + " did not return within " + since, hint);
    return sdk::make_error(sdk::Code::plugin,
                           "plugin '" + plugin_->id + "' hangs: its " + method.name + " did not return within " + since,
                           hint);
}

sdk::Error Guard::timed_out(const Method& method, sdk::Error error) const
{
    if (error.code != sdk::Code::cancelled)
        return error;
    error.code = sdk::Code::timed_out;
    error.message = "plugin '" + plugin_->id + "' did not finish its " + method.name + " within " +
                    base::format_duration(plugin_->deadlines.*method.deadline);
    return error;
}

void Guard::retire(std::function<void()> end) const
{
    static constexpr Method ending{"end", &Deadlines::query, false};
    if (quarantined())
        return;  // its destructor may hang as well; what it holds ends with the process
    (void)run(ending, nullptr, [end = std::move(end)](sdk::Call&) { end(); });
}

}  // namespace banger::plugins
