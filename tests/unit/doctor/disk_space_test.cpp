// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <filesystem>

#include "core/doctor/check.hpp"
#include "core/lifecycle/operation.hpp"
#include "core/lifecycle/room.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"

namespace banger::doctor {
namespace {

using ::testing::HasSubstr;

class DiskSpaceTest : public lifecycle::EngineWorld {
protected:
    DiskSpaceTest() : EngineWorld({"fakes"}) {}

    Finding found()
    {
        lifecycle::Operation operation("test", nullptr);
        const auto findings = check_disk_space(*engine_, operation);
        EXPECT_EQ(findings.size(), 1U);
        return findings.front();
    }
    void pause_below(std::uint64_t bytes) { config_.daemon.pause_below.value = bytes; }

    const std::unique_ptr<lifecycle::Engine> engine_ = fresh();
};

TEST_F(DiskSpaceTest, WarnsAheadOfTheMarkAndFailsBelowIt)
{
    const auto free = *lifecycle::free_room(*engine_);
    pause_below(free / 4 * 3);
    const auto ahead = found();
    EXPECT_EQ(ahead.status, Status::warning) << ahead.message;
    EXPECT_TRUE(lifecycle::check_room(*engine_));
    pause_below(free * 2);
    const auto below = found();
    EXPECT_EQ(below.status, Status::failed) << below.message;
    EXPECT_FALSE(below.hint.empty());
    EXPECT_FALSE(lifecycle::check_room(*engine_));
}

// As where they have a disk of their own. In /proc nothing is free.
TEST_F(DiskSpaceTest, LooksWhereMachinesArePausedFor)
{
    const auto vms = engine_->paths.vms();
    std::filesystem::remove(vms);
    std::filesystem::create_directory_symlink("/proc", vms);
    pause_below(4096);
    EXPECT_FALSE(lifecycle::check_room(*engine_));
    const auto finding = found();
    EXPECT_EQ(finding.status, Status::failed) << finding.message;
    EXPECT_THAT(finding.message, HasSubstr("0 B are free in " + vms));
}

TEST_F(DiskSpaceTest, ADiskWhoseProviderDoesNotSayIsNotTakenForAGoodOne)
{
    add("0000000000d1", "fake", "nobody");
    lifecycle::Operation operation("test", nullptr);
    const auto findings = check_disk_space(*engine_, operation);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[1].status, Status::warning);
    EXPECT_THAT(findings[1].message, HasSubstr("whether disks of vm 'vm-0000000000d1' failed: "));
    EXPECT_THAT(findings[1].message, HasSubstr("nobody"));
}

}  // namespace
}  // namespace banger::doctor
