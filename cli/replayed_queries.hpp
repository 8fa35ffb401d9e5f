// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace banger::cli {

/// Keeps a terminal's answers to old questions from a session. What is kept of its output is shown again when somebody attaches, and
/// with it the questions in it: where the cursor is, what the terminal can do. Their answers would be typed into the session.
class ReplayedQueries {
public:
    using Clock = std::chrono::steady_clock;
    /// How long after the last old byte was shown an answer to it is expected. A terminal may be behind a slow line.
    static constexpr std::chrono::milliseconds patience{1000};

    /// So many bytes of the output are old.
    explicit ReplayedQueries(std::uint64_t old, std::function<Clock::time_point()> now = &Clock::now)
        : old_(old), now_(std::move(now))
    {
    }

    /// So many more of the session's bytes were shown, or said to be missing.
    void shown(std::uint64_t bytes);
    /// Takes answers out of what was typed, while there may be some. Keys stay. One that is not there as a whole is held back.
    void drop_answers(std::string& typed);

private:
    [[nodiscard]] bool over() const { return old_ == 0 && now_() >= until_; }

    std::uint64_t old_;
    std::function<Clock::time_point()> now_;
    Clock::time_point until_;
    std::string held_;
};

}  // namespace banger::cli
