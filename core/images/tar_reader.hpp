// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_writer.hpp"
#include "core/images/tar_entry.hpp"

namespace banger::images {

/// Reads a tar stream (ustar, pax, GNU; plain or compressed with gzip, bzip2, xz, lzma, zstd or lz4) from a
/// descriptor that it does not own. Names are bytes, whatever the locale.
/// Errors: corrupt for what is no tar or ends in the middle, and what reading says.
class TarReader {
public:
    static sdk::Result<TarReader> open(int fd);

    TarReader(TarReader&&) noexcept;
    ~TarReader();

    /// The next entry; nothing behind the last one.
    sdk::Result<std::optional<TarEntry>> next();
    /// The next run of the current entry's content.
    sdk::Result<std::optional<DataRun>> pull();
    /// Bytes of the archive, inflated, that have been read; behind an entry whose content was pulled to its end, where the next begins.
    [[nodiscard]] std::uint64_t position() const;
    /// After next(): where the content of the entry before ends in the archive, without the padding behind it.
    [[nodiscard]] std::uint64_t content_end() const;
    /// Reads what follows the archive, so that who writes into a pipe is not killed by our leaving.
    sdk::Result<void> drain();

private:
    struct Source;
    explicit TarReader(std::unique_ptr<Source> source);
    std::unique_ptr<Source> source_;
};

}  // namespace banger::images
