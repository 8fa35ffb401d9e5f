// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "digest_thread.hpp"

namespace banger::blobs {

DigestThread::DigestThread() : thread_([this] { run(); }) {}

DigestThread::~DigestThread()
{
    end();
}

void DigestThread::end()
{
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable())
        thread_.join();
}

void DigestThread::run()
{
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ended_ || !open_.empty(); });
        if (open_.empty())
            return;
        const auto bytes = open_.front();
        lock.unlock();
        sum_.add(bytes);
        lock.lock();
        open_.pop_front();
        changed_.notify_all();
    }
}

void DigestThread::add(std::string_view bytes)
{
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_.size() < pieces; });
    open_.push_back(bytes);
    changed_.notify_all();
}

std::string DigestThread::digest()
{
    end();
    return sum_.digest();
}

}  // namespace banger::blobs
