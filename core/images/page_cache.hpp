// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::images {

/// Pages of working memory, of which only so many are in RAM: those that were not used for longest are in a file without
/// a name, which is made once they need it and is gone with this object, or with the process. A mapped file would do
/// the same until its disk is full: then it would end the process with SIGBUS, and here it is an error.
///
/// Threads: one caller at a time.
/// Failure: a page that could not be written or read is lost and reads as zeros from then on. failure() says so, and
/// whoever stands on the pages asks it before using what they made of them.
class PageCache {
public:
    static constexpr std::size_t page_bytes = 4096;

    /// `directory` gets the file; `most_bytes` is what may be in RAM (at least 16 pages are).
    PageCache(std::string directory, std::size_t most_bytes);

    /// The number of a new page, all zeros.
    std::uint32_t add();
    /// The page's bytes, for reading. Valid until the next call of any of these three.
    const char* read(std::uint32_t page) { return bytes_of(hold(page)); }
    /// The same for writing.
    char* write(std::uint32_t page)
    {
        const auto frame = hold(page);
        frames_[frame].dirty = true;
        return bytes_of(frame);
    }
    [[nodiscard]] sdk::Result<void> failure() const;
    /// How much lies in the file, in bytes.
    [[nodiscard]] std::uint64_t spilled() const { return spilled_; }

private:
    struct Frame {
        std::uint32_t page = 0;
        bool used = false;  // since the hand last passed
        bool dirty = false;
    };
    static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();
    static constexpr std::size_t chunk_frames = 64;  // RAM is taken in pieces of so many

    std::uint32_t hold(std::uint32_t page)
    {
        const auto frame = place_[page] != nowhere ? place_[page] : load(page);
        frames_[frame].used = true;
        return frame;
    }
    char* bytes_of(std::uint32_t frame)
    {
        return chunks_[frame / chunk_frames].get() + frame % chunk_frames * page_bytes;
    }
    std::uint32_t load(std::uint32_t page);
    std::uint32_t take_frame(std::uint32_t page);
    void put_out(std::uint32_t frame);
    void fail(sdk::Error error);
    bool open_file();

    std::string directory_;
    std::size_t most_frames_;
    std::vector<std::uint32_t> place_;  // of each page: its frame, or nowhere
    std::vector<Frame> frames_;
    std::vector<std::unique_ptr<char[]>> chunks_;  // NOLINT(modernize-avoid-c-arrays): a piece of RAM
    std::size_t hand_ = 0;
    sdk::os::UniqueFd file_;
    std::uint64_t spilled_ = 0;
    std::optional<sdk::Error> failure_;
};

}  // namespace banger::images
