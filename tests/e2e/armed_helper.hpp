// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/file.hpp"

namespace banger::e2e {

/// The root helper of this host where a set of the lab has armed it (tests/lab/armed-helper): it takes a fault plan
/// (core/base/fault.hpp) when it starts, once, and whoever connects to a socket has it stopped. The next call starts it.
class ArmedHelper {
public:
    [[nodiscard]] static bool is_there() { return std::getenv(variable) != nullptr; }

    /// The next one has this plan from its first step on.
    static void arm(const std::string& plan)
    {
        stop();
        EXPECT_TRUE(sdk::os::write_file_atomic(path("plan"), "BANGER_FAULT=" + plan + "\n"));
    }
    /// Returns when it has ended. The next one has no plan.
    static void stop()
    {
        const auto asked = sdk::os::connect_unix(path("stop.sock"));
        ASSERT_TRUE(asked) << asked.error().message;
        std::array<char, 64> bytes{};
        while (::read(asked->get(), bytes.data(), bytes.size()) > 0) {
        }
    }
    /// What all of them said.
    [[nodiscard]] static std::string log() { return path("log"); }

private:
    static constexpr const char* variable = "BANGER_TEST_HELPER_FAULTS";

    static std::string path(const std::string& name) { return std::string(std::getenv(variable)) + "/" + name; }
};

}  // namespace banger::e2e
