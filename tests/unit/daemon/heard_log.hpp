// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iostream>
#include <sstream>
#include <string>

#include "core/log/log.hpp"

namespace banger::daemon {

/// What is logged while it lives, from info on. Nobody logs while it is made, asked or goes.
class HeardLog {
public:
    HeardLog()
    {
        [[maybe_unused]] static const bool started = (log::start(sdk::LogLevel::info), true);
        before_ = std::clog.rdbuf(text_.rdbuf());
    }
    ~HeardLog() { std::clog.rdbuf(before_); }
    HeardLog(const HeardLog&) = delete;
    HeardLog& operator=(const HeardLog&) = delete;

    [[nodiscard]] std::string text() const { return text_.str(); }

private:
    std::ostringstream text_;
    std::streambuf* before_ = nullptr;
};

}  // namespace banger::daemon
