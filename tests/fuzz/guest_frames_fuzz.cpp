// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A guest may send any bytes as a frame: judged, they never reach the host's own addresses, and whatever is answered is
// a whole packet of bounded size that would itself be no reason for an answer.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "frame_policy.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    const std::vector<std::uint8_t> frame(data, data + size);  // exactly as long, so that a sanitizer sees its end
    const auto internet = user::judge(frame, sdk::Egress::internet);
    const auto all = user::judge(frame, sdk::Egress::all);
    if (internet == user::Verdict::pass && all != user::Verdict::pass)
        std::abort();
    const bool is_packet = size >= 34 && frame[12] == 8 && frame[13] == 0;
    if (is_packet && all == user::Verdict::pass && (frame[30] == 0 || frame[30] == 127))
        std::abort();
    const auto answer = user::refusal_of(frame);
    if (!answer.empty() && (answer.size() > 14 + 20 + 8 + 68 || !user::refusal_of(answer).empty()))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
