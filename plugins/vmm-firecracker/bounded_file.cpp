// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "bounded_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {

using sdk::Result;

Result<BoundedFile> BoundedFile::open(const std::string& path, std::uint64_t most)
{
    auto file = sdk::os::open_file(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW);
    if (!file)
        return std::move(file).error();
    return BoundedFile(std::move(*file), most);
}

Result<std::string> BoundedFile::newer_half(std::uint64_t size) const
{
    std::string kept(std::min(size, most_ / 2), '\0');
    const ssize_t got = ::pread(file_.get(), kept.data(), kept.size(), static_cast<off_t>(size - kept.size()));
    if (got < 0)
        return sdk::os_error("read a log");
    kept.resize(static_cast<std::size_t>(got));
    const auto line = kept.find('\n');
    return line == std::string::npos ? kept : kept.substr(line + 1);
}

Result<void> BoundedFile::append(std::string_view text)
{
    text = text.substr(text.size() - std::min<std::uint64_t>(text.size(), most_ / 2));
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0)
        return sdk::os_error("look at a log");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size + text.size() > most_) {
        auto kept = newer_half(size);
        if (!kept)
            return std::move(kept).error();
        if (::ftruncate(file_.get(), 0) != 0)
            return sdk::os_error("shorten a log");
        if (auto written = sdk::os::write_all(file_.get(), *kept); !written)
            return written;
    }
    return sdk::os::write_all(file_.get(), text);
}

}  // namespace banger::firecracker
