// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "http_get.hpp"

namespace banger::blobs {

inline constexpr std::chrono::seconds longest_stall{3600};  ///< that settings may ask for

/// How long a server may take, and how often it is asked.
struct Patience {
    std::chrono::seconds stall{60};                  ///< see HttpRequest
    int attempts = 4;                                ///< in all
    std::chrono::milliseconds first_wait{500};       ///< before the second; doubled before each that follows
    std::chrono::seconds longest_wait{60};           ///< that a server may ask for
};

/// The attempts at one request.
class Retry {
public:
    explicit Retry(const Patience& patience) : patience_(patience), wait_(patience.first_wait) {}

    /// Whether it may go better next time (RFC 9110, sections 15.5.9 and 15.6; RFC 6585, section 4), and there is a next
    /// time. Then waits, as long as the server asked for if it did.
    [[nodiscard]] bool again(const HttpAnswer& answer, sdk::Call& call);
    /// What came of an attempt. A server that has answered before and cannot be reached now may be starting again: that is then
    /// a connection that broke (status 0).
    [[nodiscard]] sdk::Result<HttpAnswer> came(sdk::Result<HttpAnswer> answer);

private:
    const Patience& patience_;
    std::chrono::milliseconds wait_;
    int attempts_ = 1;
    bool answered_ = false;
};

}  // namespace banger::blobs
