// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/worker_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace banger::base {

struct WorkerPool::State {
    std::mutex mutex;
    std::condition_variable wanted;  ///< there is work, or the end
    std::condition_variable left;    ///< a thread has ended
    std::deque<std::function<void()>> work;
    std::size_t most = 0;
    std::chrono::milliseconds keep{};
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool ending = false;

    // With the mutex held.
    void add_thread()
    {
        std::thread([this] { run(); }).detach();
        ++threads;
    }

    void run()
    {
        std::unique_lock held(mutex);
        while (wait_for_work(held)) {
            auto next = std::move(work.front());
            work.pop_front();
            held.unlock();
            next();
            next = nullptr;  // what it holds may end with it, which is work as well
            held.lock();
        }
        --threads;
        // Under the lock: whoever waits for the last thread takes all this away once it can have it.
        left.notify_all();
    }

    // False when the thread is to end.
    bool wait_for_work(std::unique_lock<std::mutex>& held)
    {
        ++idle;
        const auto wanted_now = [this] { return ending || !work.empty(); };
        while (threads > 1 && !wanted_now())
            if (!wanted.wait_for(held, keep, wanted_now) && threads > 1)
                break;
        if (threads == 1)
            wanted.wait(held, wanted_now);
        --idle;
        return !work.empty();
    }
};

WorkerPool::WorkerPool(std::size_t most, std::chrono::milliseconds keep) : state_(std::make_unique<State>())
{
    state_->most = most;
    state_->keep = keep;
    const std::lock_guard held(state_->mutex);
    state_->add_thread();
}

WorkerPool::~WorkerPool()
{
    std::unique_lock held(state_->mutex);
    state_->ending = true;
    state_->wanted.notify_all();
    state_->left.wait(held, [this] { return state_->threads == 0; });
}

void WorkerPool::post(std::function<void()> work)
{
    const std::lock_guard held(state_->mutex);
    state_->work.push_back(std::move(work));
    if (state_->idle < state_->work.size() && state_->threads < state_->most) {
        try {
            state_->add_thread();
        } catch (const std::system_error&) {
            // Those that there are come to it.
        }
    }
    state_->wanted.notify_one();
}

std::size_t WorkerPool::threads() const
{
    const std::lock_guard held(state_->mutex);
    return state_->threads;
}

}  // namespace banger::base
