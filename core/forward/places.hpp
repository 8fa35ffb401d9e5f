// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/synchronized.hpp"

namespace banger::forward {

/// How many connections there may be at a time. Each holds descriptors and what its other end does not take; who finds no
/// place leaves his connections where they wait, in the kernel. On the loop's thread, but for the numbers.
class Places : public std::enable_shared_from_this<Places> {
public:
    /// Held for as long as any copy is; empty if it is none.
    using Place = std::shared_ptr<void>;

    /// A place of these is also one of `above`, if there is that.
    explicit Places(std::size_t most, std::shared_ptr<Places> above = {}) : most_(most), above_(std::move(above)) {}

    /// Nothing if all are taken.
    [[nodiscard]] Place take();
    /// Called once, with the first that is free after those who came before had theirs; who has no use for it lets it go. From
    /// whoever gives one back, who is in the middle of something.
    void await(std::function<void(Place)> then);

    [[nodiscard]] std::size_t taken() const { return taken_; }  ///< any thread
    [[nodiscard]] std::size_t most() const { return most_; }    ///< any thread

private:
    Place hold(Place of_above);
    void give_back();

    const std::size_t most_;
    const std::shared_ptr<Places> above_;
    std::atomic<std::size_t> taken_ = 0;
    std::deque<std::function<void(Place)>> waiting_;
};

/// The places of each guest, for all its published ports and forwards together.
/// Threads: any.
class GuestPlaces {
public:
    /// So many for each guest, and for all of them.
    GuestPlaces(std::size_t most_of_one, std::size_t most_of_all)
        : most_of_one_(most_of_one), all_(std::make_shared<Places>(most_of_all))
    {
    }

    /// The same for as long as somebody holds them.
    [[nodiscard]] std::shared_ptr<Places> of(const std::string& vm);

private:
    const std::size_t most_of_one_;
    const std::shared_ptr<Places> all_;
    base::Synchronized<std::map<std::string, std::weak_ptr<Places>>> guests_;
};

}  // namespace banger::forward
