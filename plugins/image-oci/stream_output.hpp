// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::oci {

/// Where a stream goes, and the memory that it is made in. A buffer that was filled goes into a pipe as it lies there
/// (vmsplice(2)), without a copy; whoever reads must copy, as read(2) does. Into anything but a pipe it is written.
/// Threads: one caller at a time. Lifetime: what is in the pipe outlives this object.
class StreamOutput {
public:
    static constexpr std::size_t buffer_bytes = 256U << 10;

    /// The descriptor stays the caller's.
    static sdk::Result<StreamOutput> open(int descriptor);

    StreamOutput(StreamOutput&& other) noexcept;
    StreamOutput& operator=(StreamOutput&&) = delete;
    ~StreamOutput();

    /// The buffer whose turn it is. Nobody reads any more what was in it, neither in the pipe nor who was given the
    /// `kept` buffers before it.
    [[nodiscard]] char* buffer() const { return memory_ + turn_ * buffer_bytes; }
    static constexpr std::size_t kept = 5;
    /// Its first bytes are the stream's next. Then it is the next one's turn. Errors: those of writing.
    sdk::Result<void> give(std::size_t count);
    /// Writes bytes from anywhere.
    sdk::Result<void> write(std::string_view bytes) const;

private:
    StreamOutput(int descriptor, bool pipe) : descriptor_(descriptor), pipe_(pipe) {}
    sdk::Result<void> splice(std::string_view bytes);
    [[nodiscard]] bool may_be_in_pipe() const;
    sdk::Result<void> renew();

    int descriptor_;
    bool pipe_;
    char* memory_ = nullptr;
    std::size_t turn_ = 0;
    std::uint64_t spliced_ = 0;                            // bytes in all
    std::array<std::optional<std::uint64_t>, kept + 1> after_{};  // of each buffer that is spliced: how many there were then
};

}  // namespace banger::oci
