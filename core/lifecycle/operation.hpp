// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "banger/sdk/host.hpp"
#include "core/base/call_context.hpp"
#include "core/store/vm_store.hpp"

namespace banger::lifecycle {

/// One verb being carried out: its cancellation, its listener, and how long its steps took.
/// It is the Call that plugins are given. Threads: cancel, progress and warn from any; the rest from the worker that
/// runs it.
class Operation : public sdk::Call {
public:
    Operation(std::string verb, base::ProgressListener listener, base::WarningListener on_warning = {});
    ~Operation() override = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    [[nodiscard]] bool cancelled() const override { return stop_.stop_requested(); }
    [[nodiscard]] int cancel_descriptor() const override { return call_.cancel_descriptor(); }
    /// What comes after it belongs to the step that it names, and is timed as that.
    void progress(const sdk::Progress& progress) override;
    void warn(const std::string& message) override { call_.warn(message); }
    void stage(const std::string& text) { progress({text, 0, 0, {}}); }

    /// Asks it to stop. Ignored once the operation is past its point of no return: false.
    bool cancel();
    /// The same for a reason that whoever waits for it is told; false also if it was asked to stop before.
    bool call_off(sdk::Error why);
    /// That reason, if there was one.
    [[nodiscard]] std::optional<sdk::Error> called_off() const;
    /// From here on it goes to its end, whoever goes away.
    void commit();
    /// While one lives, what was begun goes to its end; a cancellation that comes meanwhile counts afterwards.
    class Shield {
    public:
        explicit Shield(Operation& operation) : operation_(operation) { operation_.shield(true); }
        ~Shield() { operation_.shield(false); }
        Shield(const Shield&) = delete;
        Shield& operator=(const Shield&) = delete;

    private:
        Operation& operation_;
    };
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
    /// `cancelled` if it is.
    [[nodiscard]] sdk::Result<void> check() const;

    /// Records the time from its making to its end under a name.
    class Span {
    public:
        Span(Operation& operation, std::string name);
        ~Span();
        Span(const Span&) = delete;
        Span& operator=(const Span&) = delete;

    private:
        Operation& operation_;
        std::string name_;
        std::chrono::steady_clock::time_point start_;
    };
    [[nodiscard]] Span span(std::string name) { return {*this, std::move(name)}; }
    /// Adds a step that was measured elsewhere, as microseconds since this operation began.
    void add_span(store::Span span);
    [[nodiscard]] std::int64_t elapsed_us() const;

    void concerns(const std::string& vm) { vm_ = vm; }
    [[nodiscard]] const std::string& vm() const { return vm_; }
    [[nodiscard]] const std::string& verb() const { return verb_; }
    /// What the store keeps of it.
    [[nodiscard]] store::OperationLog log(const std::string& outcome) const;

private:
    bool cancel_for(std::optional<sdk::Error> why);
    void shield(bool up);
    /// Ends the span of the stage we are in. With the lock held.
    void end_stage();

    std::string verb_;
    std::string vm_;
    mutable std::mutex mutex_;
    bool committed_ = false;
    bool shielded_ = false;
    bool cancelled_meanwhile_ = false;
    std::optional<sdk::Error> called_off_;
    std::stop_source stop_;
    base::CallContext call_;
    std::chrono::steady_clock::time_point start_;
    std::int64_t started_us_;
    std::vector<store::Span> spans_;
    std::optional<store::Span> stage_;  ///< the one that has begun last; its duration is not known yet
};

}  // namespace banger::lifecycle
