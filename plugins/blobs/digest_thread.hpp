// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "digest.hpp"

namespace banger::blobs {

/// A SHA-256 that is added up on a thread of its own, while whoever brings the bytes goes on with them.
/// Threads: one caller at a time.
class DigestThread {
public:
    /// So many pieces, the newest ones, may still be read when `add` returns.
    static constexpr std::size_t pieces = 3;

    DigestThread();
    ~DigestThread();
    DigestThread(const DigestThread&) = delete;
    DigestThread& operator=(const DigestThread&) = delete;

    /// The bytes stay as they are until `pieces` further calls, or until `digest`. Waits while that many are open.
    void add(std::string_view bytes);
    /// "sha256:..." of all that was added. Only once.
    std::string digest();

private:
    void run();
    void end();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string_view> open_;  // the first one is being read
    bool ended_ = false;
    Sha256 sum_;
    std::thread thread_;  // last: uses the others
};

}  // namespace banger::blobs
