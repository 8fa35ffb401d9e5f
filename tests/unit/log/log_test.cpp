// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/log/log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <sstream>

namespace banger::log {
namespace {

// Standard error may be root's journal, and a message may quote anybody.
TEST(Log, AMessageIsOneLineOfText)
{
    std::ostringstream said;
    auto* const before = std::clog.rdbuf(said.rdbuf());
    start(sdk::LogLevel::info);
    warning("refused: '\n<0>fire\x1b[2J\x7f\t' für\r");
    std::clog.rdbuf(before);
    const std::string text = said.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_NE(text.find(R"(refused: '\x0a<0>fire\x1b[2J\x7f\x09' für\x0d)"), std::string::npos) << text;
}

}  // namespace
}  // namespace banger::log
