// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"

namespace banger::images {

/// A part of another call: it is cancelled when that one is or when `cancel` says so, and says in its progress what it
/// is a part of. If the process has no descriptor left, only `cancelled` tells.
/// Threads: any. Lifetime: shorter than the other call's.
class LinkedCall final : public sdk::Call {
public:
    /// `subject` reads like "make image NAME" and comes before each stage; empty: stages are told as they are.
    LinkedCall(sdk::Call& outer, std::string subject);

    [[nodiscard]] bool cancelled() const override { return stopped_ || outer_.cancelled(); }
    [[nodiscard]] int cancel_descriptor() const override { return either_.get(); }
    void progress(const sdk::Progress& progress) override;
    void warn(const std::string& message) override { outer_.warn(message); }

    void cancel();
    /// Whether it was the other call that ended this.
    [[nodiscard]] bool outer_cancelled() const { return outer_.cancelled(); }

private:
    sdk::Call& outer_;
    std::string subject_;
    std::atomic<bool> stopped_ = false;
    sdk::os::UniqueFd stop_;
    sdk::os::UniqueFd either_;  // an epoll(7) descriptor is readable while one that it watches is
};

}  // namespace banger::images
