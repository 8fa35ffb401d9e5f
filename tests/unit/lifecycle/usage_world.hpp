// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/lifecycle/usage.hpp"

namespace banger::lifecycle {

/// VMs' directories, and a clock that is turned by hand.
class UsageWorld : public ::testing::Test {
protected:
    using Clock = Usage::Clock;

    UsageWorld()
    {
        add("a");
        add("b");
    }

    void add(const std::string& vm)
    {
        EXPECT_TRUE(sdk::os::make_private_directory(directory_ + "/" + vm));
    }
    [[nodiscard]] std::string note_of(const std::string& vm) const { return directory_ + "/" + vm + "/last-use"; }
    /// As a new daemon makes it.
    Usage fresh()
    {
        return Usage(directory_, [this] { return now_; });
    }
    void pass(std::chrono::milliseconds time) { now_ += time; }

    sdk::testing::TemporaryDirectory temporary_;
    const std::string directory_ = temporary_.path();
    Clock::time_point now_ = Clock::time_point(std::chrono::hours(1000));
};

}  // namespace banger::lifecycle
