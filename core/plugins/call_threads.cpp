// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/call_threads.hpp"

#include <array>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

namespace banger::plugins {

// Shared with the threads, any of which may outlive the CallThreads.
struct CallThreads::State {
    std::mutex mutex;
    std::condition_variable wanted;
    std::deque<std::function<void()>> jobs;
    std::size_t keep_idle = 0;
    std::size_t idle = 0;
    bool ending = false;

    void work(std::function<void()> job)
    {
        // A stack overflow in a plugin can still be put on record: the signal handler runs on this instead.
        std::array<char, 32768> alternate{};
        stack_t stack{};
        stack.ss_sp = alternate.data();
        stack.ss_size = alternate.size();
        ::sigaltstack(&stack, nullptr);
        while (job) {
            job();
            job = nullptr;
            job = next();
        }
        stack.ss_flags = SS_DISABLE;
        ::sigaltstack(&stack, nullptr);
    }

    std::function<void()> next()
    {
        std::unique_lock held(mutex);
        if (idle >= keep_idle && jobs.empty())
            return nullptr;
        ++idle;
        wanted.wait(held, [&] { return ending || !jobs.empty(); });
        --idle;
        if (jobs.empty())
            return nullptr;
        auto job = std::move(jobs.front());
        jobs.pop_front();
        return job;
    }
};

namespace {

// What a thread inherits while this lives: every signal blocked that is not the thread's own fault.
class SignalsBlocked {
public:
    SignalsBlocked()
    {
        sigset_t blocked;
        sigfillset(&blocked);
        for (const int fault : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
            sigdelset(&blocked, fault);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
    }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

}  // namespace

CallThreads::CallThreads(std::size_t keep_idle) : state_(std::make_shared<State>())
{
    state_->keep_idle = keep_idle;
}

CallThreads::~CallThreads()
{
    const std::lock_guard held(state_->mutex);
    state_->ending = true;
    state_->wanted.notify_all();
}

sdk::Result<void> CallThreads::run(std::function<void()> job)
{
    {
        const std::lock_guard held(state_->mutex);
        if (state_->idle > state_->jobs.size()) {
            state_->jobs.push_back(std::move(job));
            state_->wanted.notify_one();
            return {};
        }
    }
    try {
        const SignalsBlocked blocked;
        std::thread([state = state_, job = std::move(job)]() mutable { state->work(std::move(job)); }).detach();
        return {};
    } catch (const std::system_error& error) {
        return sdk::make_error(sdk::Code::unavailable, std::string("cannot start a thread: ") + error.what());
    }
}

}  // namespace banger::plugins
