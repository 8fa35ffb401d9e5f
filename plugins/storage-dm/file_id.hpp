// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::dm {

/// Which file it is, whatever it is called: no two have the same while anybody has one open.
struct FileId {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;

    bool operator==(const FileId&) const = default;
};

struct FileFacts {
    FileId id;
    std::uint64_t bytes = 0;
    std::int64_t modified = 0;  ///< seconds since 1970: what a copy of the file keeps as well
};

/// `not_found` if it is not there, or is no regular file.
sdk::Result<FileFacts> facts_of(const std::string& path);

}  // namespace banger::dm
