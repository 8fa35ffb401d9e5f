// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What every plugin library must look like to the dynamic linker: the test plugin, and all that this build has made.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "banger/sdk/os/process.hpp"
#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

std::vector<std::string> libraries()
{
    std::vector<std::string> all{test_plugin("good") + "/good.so"};
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(BANGER_STOCK_PLUGINS, none))
        if (entry.path().extension() == ".so")
            all.push_back(entry.path().string());
    return all;
}

std::string output_of(std::vector<std::string> argv)
{
    sdk::os::Command command;
    command.argv = std::move(argv);
    auto output = sdk::os::run_checked(std::move(command));
    EXPECT_TRUE(output) << (output ? "" : output.error().message);
    return output ? output->out : "";
}

TEST(Exports, OneSymbolAndNoMore)
{
    for (const auto& library : libraries()) {
        std::istringstream lines(output_of({"nm", "-D", "--defined-only", "--format=posix", library}));
        std::vector<std::string> symbols;
        for (std::string line; std::getline(lines, line);)
            symbols.push_back(line.substr(0, line.find(' ')));
        EXPECT_EQ(symbols, std::vector<std::string>{"banger_plugin_v0"}) << library;
    }
}

TEST(Exports, NeverUnloadedAndBoundAtOnce)
{
    for (const auto& library : libraries()) {
        const auto dynamic = output_of({"readelf", "--dynamic", "--wide", library});
        EXPECT_NE(dynamic.find("NODELETE"), std::string::npos) << library;
        EXPECT_NE(dynamic.find("NOW"), std::string::npos) << library;
        EXPECT_EQ(dynamic.find("libboost_log"), std::string::npos) << library << " logs through its host only";
    }
}

}  // namespace
}  // namespace banger::plugins
