// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::firecracker {

/// A file that others append to as well, and that never grows beyond its bound: when it would, the older half goes, up to
/// the end of a line. Whoever follows it sees it become shorter. Threads: one.
class BoundedFile {
public:
    /// `most` is in bytes, two at least.
    static sdk::Result<BoundedFile> open(const std::string& path, std::uint64_t most);

    [[nodiscard]] sdk::Result<void> append(std::string_view text);

private:
    BoundedFile(sdk::os::UniqueFd file, std::uint64_t most) : file_(std::move(file)), most_(most) {}
    [[nodiscard]] sdk::Result<std::string> newer_half(std::uint64_t size) const;

    sdk::os::UniqueFd file_;
    std::uint64_t most_;
};

}  // namespace banger::firecracker
