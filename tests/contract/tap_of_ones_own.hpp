// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "banger/sdk/network.hpp"

namespace banger::sdk::testing {

/// Runs it, with what it starts, in a network namespace that ends with it. False where none can be made.
bool in_own_network(const std::function<void()>& body);

/// A tap in this thread's network namespace, without an address, for a machine to open. It lasts as long as the namespace.
class TapOfOnesOwn {
public:
    TapOfOnesOwn();
    [[nodiscard]] Link link() const;
    /// Puts frames of 1000 bytes into it, for whoever has it open. They wait if that takes them slowly.
    void put(unsigned frames) const;
    /// How many have come out of it so far.
    [[nodiscard]] std::uint64_t taken() const;

private:
    std::string name_ = "tap0";
};

}  // namespace banger::sdk::testing
