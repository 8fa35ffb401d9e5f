// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "pool_filler.hpp"

namespace banger::tap {

PoolFiller::~PoolFiller()
{
    thread_.request_stop();
    if (thread_.joinable())
        thread_.join();
}

void PoolFiller::ask()
{
    const std::lock_guard lock(mutex_);
    asked_ = true;
    if (!thread_.joinable())
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    changed_.notify_one();
}

void PoolFiller::run(const std::stop_token& stop)
{
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return asked_; })) {
        asked_ = false;
        lock.unlock();
        fill_();
        lock.lock();
    }
}

}  // namespace banger::tap
