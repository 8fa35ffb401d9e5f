// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "banger/sdk/host.hpp"
#include "core/base/event.hpp"

namespace banger::base {

using ProgressListener = std::function<void(const sdk::Progress&)>;
using WarningListener = std::function<void(const std::string&)>;

/// The host's side of sdk::Call: what an operation passes down to whatever it calls.
///
/// Cancelled by `cancel`, by the stop token it was made with, or when its deadline passes. One descriptor tells of all
/// three. Threads: any. If the process has no descriptor left, `cancel_descriptor` is -1, which poll(2) ignores, and
/// only `cancelled` tells.
class CallContext final : public sdk::Call {
public:
    explicit CallContext(ProgressListener listener = {}, std::optional<Deadline> deadline = {});
    CallContext(std::stop_token stop, ProgressListener listener, std::optional<Deadline> deadline = {});
    CallContext(const CallContext&) = delete;
    CallContext& operator=(const CallContext&) = delete;
    ~CallContext() override = default;

    [[nodiscard]] bool cancelled() const override;
    [[nodiscard]] int cancel_descriptor() const override { return timer_.get(); }
    void progress(const sdk::Progress& progress) override;
    void warn(const std::string& message) override;

    void cancel();
    /// Who is told of warnings; before, nobody is.
    void on_warning(WarningListener listener);
    /// Forgets the listeners. Once this returned none is called any more.
    void silence();

private:
    sdk::os::UniqueFd timer_;  // a timer that has expired stays readable: now for cancel, later for the deadline
    std::atomic<bool> cancelled_ = false;
    std::optional<Deadline> deadline_;
    std::mutex mutex_;
    ProgressListener listener_;
    WarningListener warning_listener_;
    std::optional<std::stop_callback<std::function<void()>>> on_stop_;  // last: may call cancel while being made
};

}  // namespace banger::base
