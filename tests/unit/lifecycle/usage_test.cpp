// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/usage.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/model/timestamp.hpp"
#include "tests/unit/lifecycle/usage_world.hpp"

namespace banger::lifecycle {
namespace {

using namespace std::chrono_literals;
using UsageTest = UsageWorld;

// Sets the time of a VM's note back, as time would.
void age(const std::string& note, std::chrono::seconds by)
{
    struct stat status {};
    ASSERT_EQ(::stat(note.c_str(), &status), 0);
    const timespec times[2] = {{status.st_mtim.tv_sec - by.count(), 0}, {status.st_mtim.tv_sec - by.count(), 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, note.c_str(), times, 0), 0);
}

TEST_F(UsageTest, CountsFromTheLastUse)
{
    Usage usage(directory_, [this] { return now_; });
    usage.used("a");
    pass(5min);
    EXPECT_EQ(usage.idle("a"), 5min);
    EXPECT_LE(std::abs(usage.last_used("a") - model::unix_now()), 2);
    usage.used("a");
    EXPECT_EQ(usage.idle("a"), 0ms);
}

TEST_F(UsageTest, OneThatWasNeverUsedCountsFromWhenItIsFirstLookedAt)
{
    Usage usage(directory_, [this] { return now_; });
    EXPECT_EQ(usage.idle("b"), 0ms);
    pass(1min);
    EXPECT_EQ(usage.idle("b"), 1min);
    EXPECT_EQ(usage.last_used("b"), 0);
}

TEST_F(UsageTest, AnOpenStreamIsUseUntilTheLastOneEnds)
{
    Usage usage(directory_, [this] { return now_; });
    std::vector<std::string> quiet;
    usage.on_quiet = [&](const std::string& vm) { quiet.push_back(vm); };
    usage.opened("a");
    usage.opened("a");
    pass(3h);
    EXPECT_EQ(usage.idle("a"), std::nullopt);
    usage.closed("a");
    EXPECT_EQ(usage.idle("a"), std::nullopt);
    EXPECT_TRUE(quiet.empty());
    usage.closed("a");
    EXPECT_EQ(quiet, std::vector<std::string>{"a"});
    EXPECT_EQ(usage.idle("a"), 0ms);
    pass(7s);
    EXPECT_EQ(usage.idle("a"), 7s);
    usage.used("a");  // while none is open
    usage.closed("a");  // one that was never opened
    EXPECT_EQ(quiet.size(), 1U);
}

TEST_F(UsageTest, TheNextDaemonGoesOnCounting)
{
    fresh().used("a");
    age(note_of("a"), 90s);
    Usage next(directory_, [this] { return now_; });
    EXPECT_GE(*next.idle("a"), 90s);
    EXPECT_LE(*next.idle("a"), 92s);
    pass(1min);
    EXPECT_GE(*next.idle("a"), 150s);
    EXPECT_LE(*next.idle("a"), 152s);
}

TEST_F(UsageTest, AStreamThatWasOpenWhenTheDaemonDiedWasUseUntilNow)
{
    fresh().opened("a");
    age(note_of("a"), 1h);
    Usage next(directory_, [this] { return now_; });
    EXPECT_EQ(next.idle("a"), 0ms) << "it was in use, for all that is known, until the daemon died";
    pass(1min);
    EXPECT_EQ(next.idle("a"), 1min);
    next.opened("a");
    next.closed("a");
    age(note_of("a"), 1h);
    EXPECT_GE(*fresh().idle("a"), 1h) << "this one ended in order";
}

TEST_F(UsageTest, OnlyTheFirstOfManyStreamsIsNoted)
{
    auto usage = fresh();
    usage.opened("a");
    age(note_of("a"), 1h);
    usage.opened("a");
    usage.closed("a");
    struct stat status {};
    ASSERT_EQ(::stat(note_of("a").c_str(), &status), 0);
    EXPECT_LE(status.st_mtim.tv_sec, model::unix_now() - 3600) << "it was written again";
    EXPECT_GT(status.st_size, 0);
    usage.closed("a");
    ASSERT_EQ(::stat(note_of("a").c_str(), &status), 0);
    EXPECT_EQ(status.st_size, 0);
}

TEST_F(UsageTest, ANoteFromTheFutureIsNow)
{
    fresh().used("a");
    age(note_of("a"), -1h);
    Usage next(directory_, [this] { return now_; });
    EXPECT_EQ(next.idle("a"), 0ms);
}

TEST_F(UsageTest, WithoutADirectoryNothingIsWrittenAndNothingFails)
{
    Usage usage(directory_, [this] { return now_; });
    usage.used("gone");
    usage.forget("gone");
    EXPECT_FALSE(sdk::os::exists(directory_ + "/gone"));
}

}  // namespace
}  // namespace banger::lifecycle
