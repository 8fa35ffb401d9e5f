// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/page_cache.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace banger::images {
namespace {

constexpr std::size_t least_frames = 16;  // what one operation uses at a time, and more

// A file system that cannot make files without a name has one unlinked instead.
sdk::os::UniqueFd nameless_file(const std::string& directory)
{
    sdk::os::UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return file;
    std::string path = directory + "/.pages-XXXXXX";
    file.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (file)
        ::unlink(path.c_str());
    return file;
}

}  // namespace

PageCache::PageCache(std::string directory, std::size_t most_bytes)
    : directory_(std::move(directory)), most_frames_(std::max(least_frames, most_bytes / page_bytes))
{
}

sdk::Result<void> PageCache::failure() const
{
    if (failure_)
        return *failure_;
    return {};
}

// The first one counts: the others follow from it.
void PageCache::fail(sdk::Error error)
{
    if (!failure_)
        failure_ = std::move(error);
}

bool PageCache::open_file()
{
    if (file_ || failure_)
        return static_cast<bool>(file_);
    file_ = nameless_file(directory_);
    if (!file_)
        fail(sdk::os_error("make a temporary file in " + directory_));
    return static_cast<bool>(file_);
}

std::uint32_t PageCache::add()
{
    const auto page = static_cast<std::uint32_t>(place_.size());
    place_.push_back(nowhere);
    const auto frame = take_frame(page);
    std::memset(bytes_of(frame), 0, page_bytes);
    frames_[frame].dirty = true;  // the file has nothing of it yet
    return page;
}

std::uint32_t PageCache::take_frame(std::uint32_t page)
{
    std::uint32_t frame = 0;
    if (frames_.size() < most_frames_) {
        frame = static_cast<std::uint32_t>(frames_.size());
        if (frame % chunk_frames == 0)
            chunks_.push_back(std::make_unique<char[]>(chunk_frames * page_bytes));  // NOLINT(modernize-avoid-c-arrays)
        frames_.emplace_back();
    } else {
        for (; frames_[hand_].used; hand_ = (hand_ + 1) % frames_.size())
            frames_[hand_].used = false;
        frame = static_cast<std::uint32_t>(hand_);
        hand_ = (hand_ + 1) % frames_.size();
        put_out(frame);
    }
    frames_[frame] = {page, true, false};
    place_[page] = frame;
    return frame;
}

void PageCache::put_out(std::uint32_t frame)
{
    const auto page = frames_[frame].page;
    place_[page] = nowhere;
    if (!frames_[frame].dirty || !open_file())
        return;
    const auto at = std::uint64_t{page} * page_bytes;
    for (std::size_t done = 0; done < page_bytes;) {
        const auto count =
            ::pwrite(file_.get(), bytes_of(frame) + done, page_bytes - done, static_cast<off_t>(at + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return fail(sdk::os_error("write to a temporary file in " + directory_));
        done += static_cast<std::size_t>(count);
    }
    spilled_ = std::max(spilled_, at + page_bytes);
}

std::uint32_t PageCache::load(std::uint32_t page)
{
    const auto frame = take_frame(page);
    auto* bytes = bytes_of(frame);
    const auto at = std::uint64_t{page} * page_bytes;
    std::size_t done = 0;
    while (file_ && done < page_bytes) {
        const auto count = ::pread(file_.get(), bytes + done, page_bytes - done, static_cast<off_t>(at + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail(sdk::os_error("read a temporary file in " + directory_));
        if (count <= 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    std::memset(bytes + done, 0, page_bytes - done);
    return frame;
}

}  // namespace banger::images
