// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "detached_thread.hpp"

#include <pthread.h>

#include <csignal>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace banger::sdk::os {

Result<void> start_detached(std::function<void()> work)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    Result<void> started;
    try {
        std::thread(std::move(work)).detach();
    } catch (const std::system_error& error) {
        started = make_error(Code::unavailable, std::string("cannot start a thread: ") + error.what());
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

}  // namespace banger::sdk::os
