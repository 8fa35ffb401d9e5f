// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/result.hpp"

struct archive;
struct archive_entry;

namespace banger::blobs {

struct ArchiveCloser {
    void operator()(archive* opened) const;
    void operator()(archive_entry* made) const;
};
/// A reader or writer of libarchive, freed at the end.
using ArchiveFile = std::unique_ptr<archive, ArchiveCloser>;
/// An entry of one's own, freed at the end; those that a reader gives are the reader's.
using ArchiveEntry = std::unique_ptr<archive_entry, ArchiveCloser>;

/// Has a reader take what gzip, bzip2, xz, lzma, zstd and lz4 made: those that need no program of this host, which the first bytes
/// of a file could otherwise start (archive_read_filter(3)).
void read_known_filters(archive* reader);

/// What libarchive says went wrong, as `corrupt` (or `no_space`): `doing` reads like "unpack x.deb".
sdk::Error archive_error(archive* failed, const std::string& doing);

}  // namespace banger::blobs
