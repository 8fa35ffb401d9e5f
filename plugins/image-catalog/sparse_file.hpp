// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::catalog {

/// A new file that gets runs of bytes at their places; blocks of zeros are left out.
class SparseFile {
public:
    static constexpr std::size_t block = 4096;  ///< of ext4 as core writes it

    static sdk::Result<SparseFile> create(const std::string& path);

    sdk::Result<void> put(std::uint64_t offset, std::string_view bytes);
    /// So long, read-only and durable.
    sdk::Result<void> finish(std::uint64_t length);

private:
    SparseFile(std::string path, sdk::os::UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
    sdk::Result<void> write(std::uint64_t offset, std::string_view bytes);

    std::string path_;
    sdk::os::UniqueFd file_;
};

}  // namespace banger::catalog
