// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "bounded_file.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "log_keeper.hpp"

namespace banger::firecracker {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

class BoundedFileTest : public ::testing::Test {
protected:
    std::string content() const { return sdk::os::read_file(path).value_or(""); }
    static std::string line(int number) { return "line " + std::to_string(number) + "\n"; }

    sdk::testing::TemporaryDirectory directory;
    std::string path = directory.path() + "/log";
};

TEST_F(BoundedFileTest, TheNewestLinesStayWhole)
{
    auto file = BoundedFile::open(path, 100);
    ASSERT_TRUE(file) << file.error().message;
    for (int number = 0; number < 1000; ++number) {
        ASSERT_TRUE(file->append(line(number)));
        ASSERT_LE(content().size(), 100U);
        ASSERT_THAT(content(), StartsWith("line "));
        ASSERT_THAT(content(), EndsWith(line(number)));
    }
    EXPECT_GE(content().size(), 40U);
}

TEST_F(BoundedFileTest, WhatIsLongerThanTheBoundLosesItsBeginning)
{
    auto file = BoundedFile::open(path, 100);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->append(std::string(1000, 'x') + "end"));
    EXPECT_LE(content().size(), 100U);
    EXPECT_THAT(content(), EndsWith("xend"));
}

TEST_F(BoundedFileTest, WhatWasThereAndWhatOthersAppendCounts)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(path, std::string(90, 'x') + "\n"));
    auto file = BoundedFile::open(path, 100);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->append("new\n"));
    EXPECT_THAT(content(), EndsWith("x\nnew\n"));
    ASSERT_TRUE(file->append(line(1)));
    ASSERT_TRUE(file->append(std::string(60, 'y')));
    EXPECT_LE(content().size(), 100U);
}

TEST_F(BoundedFileTest, LogsAreKeptForAsLongAsSomebodyWrites)
{
    const std::string second = "second-" + sdk::testing::FakeHost::random_hex(8);
    auto keeper = keep_logs(directory.path(), {{"log", 4096}, {second, 100}});
    ASSERT_TRUE(keeper) << keeper.error().message;
    ASSERT_TRUE(sdk::os::write_all(keeper->ends[0].get(), "to the first\n"));
    for (int number = 0; number < 100; ++number)
        ASSERT_TRUE(sdk::os::write_all(keeper->ends[1].get(), line(number)));
    const auto keepers = [&] {
        return sdk::os::find_processes([&](const std::vector<std::string>& arguments) {
                   return std::find(arguments.begin(), arguments.end(), second) != arguments.end();
               })
            .value_or({});
    };
    EXPECT_EQ(keepers(), std::vector{keeper->process});
    keeper->ends.clear();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!keepers().empty() && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_TRUE(keepers().empty()) << "it has outlived all who write";
    EXPECT_EQ(content(), "to the first\n");
    const auto last = sdk::os::read_file(directory.path() + "/" + second).value_or("");
    EXPECT_LE(last.size(), 100U);
    EXPECT_THAT(last, EndsWith(line(99)));
}

}  // namespace
}  // namespace banger::firecracker
