// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "archive_file.hpp"

#include <archive.h>

#include <cerrno>

namespace banger::blobs {

void ArchiveCloser::operator()(archive* opened) const
{
    archive_free(opened);
}

sdk::Error archive_error(archive* failed, const std::string& doing)
{
    const char* reason = archive_error_string(failed);
    const auto code = archive_errno(failed) == ENOSPC ? sdk::Code::no_space : sdk::Code::corrupt;
    return sdk::make_error(code, "cannot " + doing + ": " + (reason != nullptr ? reason : "it ends too early"));
}

}  // namespace banger::blobs
