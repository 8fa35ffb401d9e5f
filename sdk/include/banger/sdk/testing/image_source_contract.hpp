// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/image_source.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/source_world.hpp"

namespace banger::sdk::testing {

/// An image/0 provider for the contract.
struct ImageSourceUnderTest {
    std::string name;  ///< what tests are called after
    std::function<std::unique_ptr<ImageSource>(Host&)> open;
    std::string recipe;                                        ///< of a small image that can be made here
    std::vector<std::string> bad_recipes;                      ///< besides those that are bad for everybody
    std::function<std::string()> why_not = [] { return ""; };  ///< why it cannot be tested here; empty if it can
    bool finishes = false;  ///< gives finished layers, not an archive
};

inline std::ostream& operator<<(std::ostream& out, const ImageSourceUnderTest& source)
{
    return out << source.name;
}

/// What every image/0 provider promises. Instantiate for each provider and each fake.
class ImageSourceContract : public ::testing::TestWithParam<ImageSourceUnderTest> {
protected:
    void SetUp() override
    {
        if (const std::string reason = GetParam().why_not(); !reason.empty())
            GTEST_SKIP() << reason;
        ::signal(SIGPIPE, SIG_IGN);  // as in the daemon
        source = GetParam().open(host);
        ASSERT_NE(source, nullptr);
        ASSERT_TRUE(os::make_private_directory(directory()));
    }

    [[nodiscard]] std::string directory() const { return host.directory() + "/request"; }
    [[nodiscard]] std::string stream_path() const { return host.directory() + "/stream"; }

    Result<ImageStream> fetch(const std::string& recipe, Call& call)
    {
        output.reset(::open(stream_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        return source->fetch({"contract", recipe, directory(), output.get()}, call);
    }

    void expect_archive() const
    {
        const auto tar = os::read_file(stream_path(), std::size_t{1} << 30U);
        ASSERT_TRUE(tar) << tar.error().message;
        constexpr std::size_t block = 512;  // tar(5)
        ASSERT_GE(tar->size(), 3 * block);
        EXPECT_EQ(tar->size() % block, 0U);
        EXPECT_EQ(tar->substr(257, 5), "ustar");
        EXPECT_EQ(tar->find_last_not_of('\0') / block < tar->size() / block - 2, true)
            << "two empty blocks end an archive";
    }
    void expect_layers() const
    {
        EXPECT_EQ(*os::list_directory(directory()), (std::vector<std::string>{"rootfs.ext4", "work.ext4"}));
        for (const char* name : {"/rootfs.ext4", "/work.ext4"}) {
            const auto layer = os::read_file(directory() + name, std::size_t{1} << 30U);
            ASSERT_TRUE(layer) << layer.error().message;
            EXPECT_EQ(layer->substr(1024 + 0x38, 2), "\x53\xef") << "kernel Documentation/filesystems/ext4";
        }
        EXPECT_TRUE(os::read_file(stream_path())->empty());
    }

    FakeHost host;
    std::unique_ptr<ImageSource> source;
    os::UniqueFd output;
};

TEST_P(ImageSourceContract, ProbeSaysItCanWork)
{
    FakeCall call;
    const auto probe = source->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
}

TEST_P(ImageSourceContract, FetchGivesAWholeImageAndTellsHowFarItIs)
{
    FakeCall call;
    const auto stream = fetch(GetParam().recipe, call);
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(stream->format, GetParam().finishes ? "ext4" : "tar");
    EXPECT_FALSE(call.told().empty());
    EXPECT_GE(::fcntl(output.get(), F_GETFD), 0) << "the output belongs to the caller";
    GetParam().finishes ? expect_layers() : expect_archive();
    expect_nothing_left(directory());
}

TEST_P(ImageSourceContract, ABadRecipeIsRefusedBeforeAnythingIsDone)
{
    auto recipes = GetParam().bad_recipes;
    recipes.insert(recipes.end(), {"", "no JSON", "[]", R"({"nobody_knows_this_key": 1})"});
    for (const auto& recipe : recipes) {
        FakeCall call;
        const auto stream = fetch(recipe, call);
        ASSERT_FALSE(stream) << recipe;
        EXPECT_EQ(to_string(stream.error().code), "invalid") << stream.error().message;
        EXPECT_FALSE(stream.error().message.empty());
        EXPECT_TRUE(os::read_file(stream_path())->empty());
        EXPECT_TRUE(os::list_directory(directory())->empty());
    }
}

TEST_P(ImageSourceContract, ACancelledCallDoesNotStart)
{
    FakeCall call;
    call.cancel();
    const auto stream = fetch(GetParam().recipe, call);
    ASSERT_FALSE(stream);
    EXPECT_EQ(to_string(stream.error().code), "cancelled") << stream.error().message;
    expect_nothing_left(directory());
}

TEST_P(ImageSourceContract, ACallCancelledInTheMiddleLeavesNothing)
{
    for (const std::size_t report : {1U, 3U}) {
        CallCancelledAt call(report);
        ASSERT_TRUE(os::make_private_directory(directory()));
        const auto stream = fetch(GetParam().recipe, call);
        ASSERT_FALSE(stream);
        EXPECT_EQ(to_string(stream.error().code), "cancelled") << stream.error().message;
        expect_nothing_left(directory());
    }
}

TEST_P(ImageSourceContract, AReaderThatGoesAwayEndsIt)
{
    if (GetParam().finishes)
        return;  // it writes nothing that anybody reads
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    os::UniqueFd reader(ends[0]);
    const os::UniqueFd writer(ends[1]);
    reader.reset();
    FakeCall call;
    EXPECT_FALSE(source->fetch({"contract", GetParam().recipe, directory(), writer.get()}, call));
    expect_nothing_left(directory());
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ImageSourceContract);

}  // namespace banger::sdk::testing
