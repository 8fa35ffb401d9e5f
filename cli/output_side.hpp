// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"

namespace banger::cli {

/// A file that is written without ever blocking, also where its descriptor is shared with other programs and so must
/// not be made non-blocking itself (O_NONBLOCK belongs to the open file, not to the descriptor: open(2)).
/// What does not go at once waits here.
class OutputSide {
public:
    explicit OutputSide(int descriptor);

    /// Writes what goes, keeps the rest. After a failure everything is dropped.
    void write(std::string_view bytes);
    /// Tries again to write what waits; when `descriptor` is writable.
    void flush();

    [[nodiscard]] std::size_t waiting() const { return waiting_.size() - sent_; }
    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// errno of the write that failed; 0 while all is well.
    [[nodiscard]] int failure() const { return failure_; }

private:
    std::string_view write_some(std::string_view bytes);

    int descriptor_;
    sdk::os::UniqueFd own_;     ///< the same file opened once more, non-blocking
    std::size_t most_at_once_;  ///< what can be written without blocking once the descriptor is writable
    bool socket_ = false;
    std::string waiting_;
    std::size_t sent_ = 0;
    int failure_ = 0;
};

}  // namespace banger::cli
