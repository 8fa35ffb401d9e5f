// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "archive_file.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

namespace banger::blobs {

void ArchiveCloser::operator()(archive* opened) const
{
    archive_free(opened);
}

void ArchiveCloser::operator()(archive_entry* made) const
{
    archive_entry_free(made);
}

void read_known_filters(archive* reader)
{
    archive_read_support_filter_gzip(reader);
    archive_read_support_filter_bzip2(reader);
    archive_read_support_filter_xz(reader);
    archive_read_support_filter_lzma(reader);
    archive_read_support_filter_zstd(reader);
    archive_read_support_filter_lz4(reader);
}

sdk::Error archive_error(archive* failed, const std::string& doing)
{
    const char* reason = archive_error_string(failed);
    const auto code = archive_errno(failed) == ENOSPC ? sdk::Code::no_space : sdk::Code::corrupt;
    return sdk::make_error(code, "cannot " + doing + ": " + (reason != nullptr ? reason : "it ends too early"));
}

}  // namespace banger::blobs
