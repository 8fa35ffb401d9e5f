// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "banger/sdk/os/file.hpp"

namespace banger::e2e {

/// A file from which a process that was started with BANGER_FAULT=file:PATH takes its fault plans (core/base/fault.hpp).
class FaultPlan {
public:
    /// Of the daemons that this process starts from now on. One at a time.
    static FaultPlan of_daemons(std::string file)
    {
        EXPECT_EQ(::setenv(variable, ("file:" + file).c_str(), 1), 0);
        return FaultPlan(std::move(file));
    }
    /// Whether the root helper of this host is one that can be armed.
    static bool has_helper() { return std::getenv(helpers) != nullptr; }
    /// Of that helper: tests/lab/armed-helper, tests/contract/start-helper.
    static FaultPlan of_helper() { return FaultPlan(std::string(std::getenv(helpers)) + "/plan"); }

    FaultPlan(const FaultPlan&) = delete;
    FaultPlan& operator=(const FaultPlan&) = delete;
    ~FaultPlan() { ::unsetenv(variable); }

    /// From here on points are counted, such as for "error:3".
    void arm(const std::string& plan) const { EXPECT_TRUE(sdk::os::write_file_atomic(file_, plan)); }
    [[nodiscard]] bool is_in_force() const { return sdk::os::exists(file_); }
    /// Whether the fault was injected. There is no plan any more.
    [[nodiscard]] bool withdraw() const
    {
        const bool injected = !is_in_force();
        EXPECT_TRUE(sdk::os::remove_file(file_));
        return injected;
    }

private:
    static constexpr const char* variable = "BANGER_FAULT";
    static constexpr const char* helpers = "BANGER_TEST_HELPER_FAULTS";

    explicit FaultPlan(std::string file) : file_(std::move(file)) {}

    std::string file_;
};

}  // namespace banger::e2e
