// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/worker.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <deque>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

namespace banger::agent {
namespace {

struct Job {
    std::function<void()> work;
    std::function<void()> then;
};

/// A thread that is made while one lives gets no signals: those are the loop's.
class SignalsBlocked {
public:
    SignalsBlocked()
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

}  // namespace

struct Worker::Work {
    std::mutex mutex;
    std::condition_variable more;
    std::deque<Job> waiting;
    bool ending = false;
};

/// What is done, on its way to the loop.
struct Worker::Results {
    explicit Results(EventLoop& loop) : any(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
    {
        if (any)
            watch = loop.watch(any.get(), EPOLLIN, [this](std::uint32_t) { take(); });
    }

    void add(std::function<void()> then)
    {
        const std::lock_guard lock(mutex);
        done.push_back(std::move(then));
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto ignored = write(any.get(), &one, sizeof one);
    }

    void take()
    {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto ignored = read(any.get(), &count, sizeof count);
        std::vector<std::function<void()>> all;
        {
            const std::lock_guard lock(mutex);
            all.swap(done);
        }
        for (auto& then : all)
            std::exchange(then, nullptr)();
    }

    std::mutex mutex;
    std::vector<std::function<void()>> done;
    sdk::os::UniqueFd any;
    EventLoop::Registration watch;
};

Worker::Worker(EventLoop& loop)
    : loop_(loop), results_(std::make_shared<Results>(loop)), work_(std::make_shared<Work>())
{
}

Worker::Worker(Worker& sibling)
    : loop_(sibling.loop_), results_(sibling.results_), work_(std::make_shared<Work>())
{
}

Worker::~Worker()
{
    {
        const std::lock_guard lock(work_->mutex);
        work_->ending = true;
    }
    work_->more.notify_one();
    if (thread_.joinable())
        thread_.join();
}

bool Worker::has_thread()
{
    if (thread_.joinable() || !results_->watch)
        return thread_.joinable();
    const SignalsBlocked blocked;
    try {
        thread_ = std::thread([work = work_, results = results_] { serve(*work, *results); });
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

void Worker::run(std::function<void()> work, std::function<void()> then)
{
    if (!has_thread()) {
        work();
        if (then)
            loop_.defer(std::move(then));
        return;
    }
    {
        const std::lock_guard lock(work_->mutex);
        work_->waiting.push_back({std::move(work), std::move(then)});
    }
    work_->more.notify_one();
}

void Worker::serve(Work& work, Results& results)
{
    pthread_setname_np(pthread_self(), "files");
    std::unique_lock lock(work.mutex);
    for (;;) {
        work.more.wait(lock, [&] { return work.ending || !work.waiting.empty(); });
        if (work.waiting.empty())
            return;
        auto job = std::move(work.waiting.front());
        work.waiting.pop_front();
        const bool told = job.then && !work.ending;
        lock.unlock();
        job.work();
        job.work = nullptr;  // what it holds goes here, and not on the loop
        if (told)
            results.add(std::move(job.then));
        lock.lock();
    }
}

}  // namespace banger::agent
