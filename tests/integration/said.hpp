// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "banger/sdk/os/process.hpp"

namespace banger::sdk::testing {

/// What a program of this host says; a failure of the test if it fails.
inline std::string said(const std::vector<std::string>& argv)
{
    os::Command command;
    command.argv = argv;
    const auto output = os::run_checked(command);
    EXPECT_TRUE(output) << output.error().message;
    return output ? output->out : std::string();
}

}  // namespace banger::sdk::testing
