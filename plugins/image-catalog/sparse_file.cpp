// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "sparse_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "banger/sdk/os/file.hpp"

namespace banger::catalog {

using sdk::Result;

Result<SparseFile> SparseFile::create(const std::string& path)
{
    auto file = sdk::os::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (!file)
        return std::move(file).error();
    return SparseFile(path, std::move(*file));
}

Result<void> SparseFile::put(std::uint64_t offset, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto length = std::min<std::size_t>(block - offset % block, bytes.size());
        const auto piece = bytes.substr(0, length);
        if (piece.find_first_not_of('\0') != std::string_view::npos)
            if (auto written = write(offset, piece); !written)
                return written;
        offset += length;
        bytes.remove_prefix(length);
    }
    return {};
}

Result<void> SparseFile::finish(std::uint64_t length)
{
    if (::ftruncate(file_.get(), static_cast<off_t>(length)) != 0 || ::fchmod(file_.get(), 0444) != 0 ||
        ::fsync(file_.get()) != 0)
        return sdk::os_error("write " + path_);
    return {};
}

Result<void> SparseFile::write(std::uint64_t offset, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sdk::os_error("write " + path_);
        offset += static_cast<std::uint64_t>(count);
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

}  // namespace banger::catalog
