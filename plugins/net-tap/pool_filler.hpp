// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace banger::tap {

/// A thread that fills the pool whenever it is asked to, so that nobody waits for it. It begins with the first time, and
/// ends with this object, after what it is doing.
class PoolFiller {
public:
    explicit PoolFiller(std::function<void()> fill) : fill_(std::move(fill)) {}
    PoolFiller(const PoolFiller&) = delete;
    PoolFiller& operator=(const PoolFiller&) = delete;
    ~PoolFiller();

    void ask();

private:
    void run(const std::stop_token& stop);

    std::function<void()> fill_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool asked_ = false;
    std::jthread thread_;
};

}  // namespace banger::tap
