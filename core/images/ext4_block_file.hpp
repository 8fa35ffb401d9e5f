// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "core/images/inode_table.hpp"

namespace banger::images {

/// The file that becomes the disk. Small writes that follow each other are gathered into one.
class BlockFile {
public:
    BlockFile(sdk::os::UniqueFd fd, std::string path);

    sdk::Result<void> write(std::uint64_t offset, std::string_view bytes);
    sdk::Result<void> zeros(std::uint64_t offset, std::uint64_t length);
    sdk::Result<void> flush();
    /// Fills `into` from the file; what lies behind its end reads as zeros.
    sdk::Result<void> read(std::uint64_t offset, char* into, std::size_t length);
    /// Gives the space of replaced files back to the host, so that their old content stays nowhere.
    sdk::Result<void> discard(const std::vector<Extent>& extents);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    sdk::Result<void> write_out(std::uint64_t offset, std::string_view bytes);

    sdk::os::UniqueFd fd_;
    std::string path_;
    std::string pending_;
    std::uint64_t pending_offset_ = 0;
    std::uint64_t writeback_started_ = 0;
};

}  // namespace banger::images
