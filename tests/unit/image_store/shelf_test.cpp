// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/shelf.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "store_test_support.hpp"

namespace banger::images {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* id = "0123456789abcdef";

class ShelfTest : public ::testing::Test {
protected:
    sdk::testing::TemporaryDirectory temporary_;
    Shelf shelf_{temporary_.path() + "/images"};

    [[nodiscard]] std::vector<std::string> names() const { return testing::names_in(shelf_.directory()); }

    void publish(const std::string& content) const
    {
        auto staging = shelf_.stage(id);
        ASSERT_TRUE(staging) << staging.error().message;
        ASSERT_TRUE(sdk::os::write_file_atomic(staging->path() + "/file", content));
        const auto published = shelf_.publish(std::move(*staging), id);
        ASSERT_TRUE(published) << published.error().message;
    }
};

TEST_F(ShelfTest, PublishesWhatWasStaged)
{
    EXPECT_TRUE(shelf_.ids()->empty());
    publish("one");
    EXPECT_THAT(*shelf_.ids(), ElementsAre(id));
    EXPECT_THAT(names(), ElementsAre(id));
    EXPECT_EQ(*sdk::os::read_file(shelf_.path(id) + "/file"), "one");
    struct stat status {};
    ASSERT_EQ(::stat(shelf_.directory().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0700U);
}

TEST_F(ShelfTest, TheFirstToPublishWins)
{
    auto late = shelf_.stage(id);
    ASSERT_TRUE(late);
    publish("first");
    ASSERT_TRUE(sdk::os::write_file_atomic(late->path() + "/file", "late"));
    EXPECT_TRUE(shelf_.publish(std::move(*late), id));
    EXPECT_EQ(*sdk::os::read_file(shelf_.path(id) + "/file"), "first");
    EXPECT_THAT(names(), ElementsAre(id));
}

TEST_F(ShelfTest, StagingLeavesNothingUnlessPublished)
{
    {
        auto staging = shelf_.stage(id);
        ASSERT_TRUE(staging);
        ASSERT_TRUE(sdk::os::make_directories(staging->path() + "/a/b"));
    }
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ShelfTest, RemovesAndTellsWhatThatFreed)
{
    publish(std::string(100'000, 'x'));
    const auto freed = shelf_.remove(id);
    ASSERT_TRUE(freed) << freed.error().message;
    EXPECT_GE(*freed, 100'000U);
    EXPECT_THAT(names(), IsEmpty());
    const auto again = shelf_.remove(id);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, sdk::Code::not_found);
}

TEST_F(ShelfTest, SweepTakesLeftoversOfTheDeadOnly)
{
    publish("kept");
    ASSERT_TRUE(sdk::os::make_directories(shelf_.directory() + "/.new-dead/sub"));
    ASSERT_TRUE(sdk::os::make_directories(shelf_.directory() + "/.old-dead"));
    ASSERT_TRUE(sdk::os::make_directories(shelf_.directory() + "/somebody-elses"));
    auto living = shelf_.stage("fedcba9876543210");
    ASSERT_TRUE(living);

    shelf_.sweep();
    EXPECT_THAT(names(), ElementsAre(living->path().substr(shelf_.directory().size() + 1), id, "somebody-elses"));
    EXPECT_THAT(*shelf_.ids(), ElementsAre(id));
}

TEST_F(ShelfTest, SweepFollowsNoLink)
{
    const std::string precious = temporary_.path() + "/precious";
    ASSERT_TRUE(sdk::os::make_directories(precious + "/data"));
    ASSERT_TRUE(sdk::os::make_directories(shelf_.directory()));
    ASSERT_EQ(::symlink(precious.c_str(), (shelf_.directory() + "/.new-link").c_str()), 0);
    shelf_.sweep();
    EXPECT_TRUE(sdk::os::exists(precious + "/data"));
}

TEST_F(ShelfTest, ASweepOfNothingIsNoError)
{
    shelf_.sweep();
    EXPECT_FALSE(sdk::os::exists(shelf_.directory()));
}

}  // namespace
}  // namespace banger::images
