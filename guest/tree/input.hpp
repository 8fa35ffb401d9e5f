// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "banger/sdk/result.hpp"
#include "guest/tree/file_writer.hpp"

namespace banger::tree {

/// Where a stream of bytes comes from.
class Input {
public:
    Input() = default;
    virtual ~Input() = default;
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    /// What no piece is longer than, in bytes.
    static constexpr std::size_t most = 1UL << 20;

    /// Waits for the next `size` bytes, 1 to `most`. Fewer come before the end or an error only, and none at the end. They stay until the
    /// next call. The first byte of a stream lies at a multiple of a page, and the others as far behind one.
    /// Errors: those of read(2).
    virtual sdk::Result<std::string_view> next(std::size_t size) = 0;
};

/// From a descriptor, of which nothing is read ahead.
class DescriptorInput final : public Input {
public:
    /// `descriptor` blocks, and outlives this.
    explicit DescriptorInput(int descriptor) : descriptor_(descriptor) {}

    sdk::Result<std::string_view> next(std::size_t size) override;

private:
    int descriptor_;
    std::size_t at_ = 0;  ///< of the stream, within a page
    Block buffer_ = make_block(most + page);
    static constexpr std::size_t page = 4096;
};

}  // namespace banger::tree
