// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>

#include "banger/sdk/testing/storage_fork_contract.hpp"

namespace banger::sdk::testing {

/// The same provider in a daemon that is killed before each of its steps (StorageForkUnderTest::kill_before). For providers
/// whose state is in files or the kernel, and that work in the thread that calls them.
class StorageForkKillContract : public StorageForkContract {
protected:
    using Verb = std::function<void(StorageFork&)>;

    /// For every step of the verb, or every n-th if BANGER_TEST_SAMPLE says so: a machine with a new disk, as `before`
    /// leaves it; the verb, by a provider of its own whose process is killed before that step; `after`, with a new one.
    void walk(const std::function<void()>& before, const Verb& verb, const std::function<void()>& after)
    {
        for (unsigned step = 1; !HasFailure(); step += every()) {
            SCOPED_TRACE("killed before step " + std::to_string(step));
            release_disks();
            start_anew();
            ASSERT_TRUE(machine.writes(1, 0, block));
            before();
            const auto walked = GetParam().kill_before(step, [&] {
                if (const auto provider = GetParam().open(host))
                    verb(*provider);
            });
            if (!walked && walked.error().code == Code::unsupported)
                GTEST_SKIP() << walked.error().message;
            ASSERT_TRUE(walked) << walked.error().message;
            fork = GetParam().open(host);
            after();
            if (*walked == Walked::finished) {
                EXPECT_GT(step, 1U) << "it took no step at all";
                return;
            }
        }
    }
    static unsigned every()
    {
        const char* sample = std::getenv("BANGER_TEST_SAMPLE");  // NOLINT(concurrency-mt-unsafe): never changed
        const int number = sample == nullptr ? 1 : std::atoi(sample);
        return number > 1 ? static_cast<unsigned>(number) : 1;
    }
    [[nodiscard]] ::testing::AssertionResult writes(int value) const
    {
        return machine.writes(value, static_cast<std::uint64_t>(value - 1) * block, block);
    }
    /// What a new daemon does with what it finds.
    void settle()
    {
        const auto found = fork->list();
        ASSERT_TRUE(found) << found.error().message;
        for (const auto& one : *found) {
            const auto released = fork->release(one);
            EXPECT_TRUE(released) << released.error().message;
        }
        EXPECT_TRUE(fork->list()->empty());
        EXPECT_FALSE(under_way());
    }
    /// The disk is as good as any.
    void expect_another_freeze(int last)
    {
        machine.start(after_a_restart());
        spec.layer_path += "-again";
        const Layer layer = must_freeze();
        EXPECT_TRUE(holds(layer, {{last, static_cast<std::uint64_t>(last - 1) * block, block}}));
        ASSERT_TRUE(writes(last + 1));
        expect_kept(last + 1);
    }
};

TEST_P(StorageForkKillContract, AnAttachThatIsCutShortIsUndoneUnderARunningMachine)
{
    walk([] {}, [&](StorageFork& provider) { (void)provider.attach(spec, call); },
         [&] {
             ASSERT_TRUE(writes(2));
             settle();
             EXPECT_FALSE(os::exists(spec.layer_path));
             ASSERT_TRUE(writes(3));
             expect_kept(3);
             expect_another_freeze(3);
         });
}

TEST_P(StorageForkKillContract, AnAttachThatIsCutShortTogetherWithItsMachineLosesNothing)
{
    walk([] {}, [&](StorageFork& provider) { (void)provider.attach(spec, call); },
         [&] {
             machine.start(after_a_restart());  // before anybody looked at the freeze
             ASSERT_TRUE(writes(2));
             settle();
             ASSERT_TRUE(writes(3));
             expect_kept(3);
             expect_another_freeze(3);
         });
}

TEST_P(StorageForkKillContract, ACommitThatIsCutShortKeepsWhatTheMachineWritesAndTheLayerAsItWas)
{
    bool moved = false;
    walk(
        [&] {
            const auto freeze = must_begin().value;
            follow(freeze);
            moved = freeze.top.has_value();
            if (moved) {
                ASSERT_TRUE(writes(2));
            }
        },
        [&](StorageFork& provider) { (void)provider.commit(handle()); },
        [&] {
            if (!moved) {
                ASSERT_TRUE(writes(2));  // it was made to go on
            }
            const bool is_layer = frozen();
            EXPECT_TRUE(is_layer || !moved);
            const auto layer = is_layer ? fork->commit(handle()) : Layer{};
            ASSERT_TRUE(layer) << layer.error().message;
            settle();
            EXPECT_EQ(os::exists(spec.layer_path), is_layer);
            ASSERT_TRUE(writes(3));
            if (is_layer)
                expect_whole(*layer);
            expect_kept(3);
            expect_another_freeze(3);
        });
}

// As by whoever has no answer and asks again, as the root helper is.
TEST_P(StorageForkKillContract, ACommitThatIsCutShortIsAsGoodAsAnyWhenItIsMadeAgain)
{
    walk([&] { follow(must_begin().value); }, [&](StorageFork& provider) { (void)provider.commit(handle()); },
         [&] {
             const auto layer = fork->commit(handle());
             ASSERT_TRUE(layer) << layer.error().message;
             ASSERT_TRUE(writes(2));
             settle();
             expect_whole(*layer);
             expect_kept(2);
         });
}

TEST_P(StorageForkKillContract, AReleaseThatIsCutShortAfterTheCommitLeavesTheLayer)
{
    Layer layer;
    walk(
        [&] {
            const auto [freeze, bound] = must_begin();
            follow(freeze);
            layer = fork->commit(bound).value_or({});
        },
        [&](StorageFork& provider) { (void)provider.release(handle()); },
        [&] {
            ASSERT_TRUE(writes(2));
            settle();
            expect_whole(layer);
            ASSERT_TRUE(writes(3));
            expect_kept(3);
        });
}

TEST_P(StorageForkKillContract, AReleaseThatIsCutShortUndoesTheRestLater)
{
    walk([&] { (void)must_begin(); }, [&](StorageFork& provider) { (void)provider.release(handle()); },
         [&] {
             ASSERT_TRUE(writes(2));
             settle();
             EXPECT_FALSE(os::exists(spec.layer_path));
             expect_kept(2);
             expect_another_freeze(2);
         });
}

TEST_P(StorageForkKillContract, AReleaseThatIsCutShortFinishesTheRestLater)
{
    bool moved = true;
    walk(
        [&] {
            const auto freeze = must_begin().value;
            follow(freeze);
            moved = freeze.top.has_value();
            ASSERT_TRUE(writes(2));
        },
        [&](StorageFork& provider) { (void)provider.release(handle()); },
        [&] {
            settle();
            EXPECT_EQ(os::exists(spec.layer_path), moved);
            if (moved)
                expect_whole({spec.layer_path, disk_bytes, machine.disk().format});
            ASSERT_TRUE(writes(3));
            expect_kept(3);
            expect_another_freeze(3);
        });
}

}  // namespace banger::sdk::testing
