// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "retry.hpp"

#include <algorithm>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::blobs {
namespace {

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
    const auto until = std::chrono::steady_clock::now() + std::max<std::chrono::milliseconds>(wait_, answer.retry_after);
    wait_ *= 2;
    (void)sdk::os::wait_readable(call.cancel_descriptor(), -1, until);  // all that comes there is its end
    return !call.cancelled();
}

sdk::Result<HttpAnswer> Retry::came(sdk::Result<HttpAnswer> answer)
{
    if (!answer && answered_ && answer.error().code == sdk::Code::unavailable) {
        HttpAnswer broken;
        broken.broken = std::move(answer).error().message;
        return broken;
    }
    answered_ = answered_ || answer;
    return answer;
}

}  // namespace banger::blobs
