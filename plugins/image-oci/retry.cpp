// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "retry.hpp"

#include <algorithm>
#include <thread>

namespace banger::oci {
namespace {

constexpr std::chrono::milliseconds look_again{100};  // whether the caller is still there

bool may_pass(long status)
{
    switch (status) {
        case 0:    // the connection broke
        case 408:  // Request Timeout
        case 429:  // Too Many Requests
        case 500:
        case 502:
        case 503:
        case 504: return true;
        default: return false;
    }
}

}  // namespace

bool Retry::again(const HttpAnswer& answer, sdk::Call& call)
{
    if (!may_pass(answer.status) || attempts_ >= patience_.attempts || answer.retry_after > patience_.longest_wait)
        return false;
    ++attempts_;
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::max<std::chrono::milliseconds>(wait_, answer.retry_after);
    wait_ *= 2;
    while (!call.cancelled() && Clock::now() < until)
        std::this_thread::sleep_until(std::min(until, Clock::now() + look_again));
    return !call.cancelled();
}

}  // namespace banger::oci
