// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace banger::base {
namespace {

using namespace std::chrono_literals;

/// Work that is under way until it is let go, and says how many are.
class Gate {
public:
    void pass()
    {
        std::unique_lock held(mutex_);
        ++inside_;
        changed_.notify_all();
        changed_.wait(held, [&] { return open_; });
        --inside_;
    }
    bool wait_inside(std::size_t count)
    {
        std::unique_lock held(mutex_);
        return changed_.wait_for(held, 20s, [&] { return inside_ == count; });
    }
    void open()
    {
        const std::lock_guard held(mutex_);
        open_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t inside_ = 0;
    bool open_ = false;
};

TEST(WorkerPool, RunsAsMuchAtOnceAsItMayAndTheRestAfterwards)
{
    Gate gate;
    std::atomic<int> done = 0;
    {
        WorkerPool pool(3);
        EXPECT_EQ(pool.threads(), 1U);
        for (int i = 0; i < 5; ++i)
            pool.post([&] {
                gate.pass();
                ++done;
            });
        EXPECT_TRUE(gate.wait_inside(3));
        EXPECT_EQ(pool.threads(), 3U);
        EXPECT_EQ(done, 0);
        gate.open();
    }
    EXPECT_EQ(done, 5) << "what was posted is done before the pool is gone";
}

TEST(WorkerPool, ThreadsWithoutWorkEndButForOne)
{
    Gate gate;
    WorkerPool pool(4, 1ms);
    for (int i = 0; i < 4; ++i)
        pool.post([&] { gate.pass(); });
    ASSERT_TRUE(gate.wait_inside(4));
    gate.open();
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (pool.threads() > 1 && std::chrono::steady_clock::now() < until)
        std::this_thread::yield();
    EXPECT_EQ(pool.threads(), 1U);
    std::promise<void> done;
    pool.post([&] { done.set_value(); });
    EXPECT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
}

}  // namespace
}  // namespace banger::base
