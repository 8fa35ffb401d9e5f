// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "blob_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/lock.hpp"
#include "digest.hpp"

namespace banger::blobs {
namespace {

using sdk::Code;
using sdk::Result;

constexpr long whole = 200;
constexpr long no_such_range = 416;

Result<std::uint64_t> size_of(int file)
{
    struct stat status {};
    if (::fstat(file, &status) != 0)
        return sdk::os_error("look at a download");
    return static_cast<std::uint64_t>(status.st_size);
}

bool is_at(int file, const std::string& path)
{
    struct stat ours {};
    struct stat there {};
    return ::fstat(file, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

Result<void> begin_anew(int file)
{
    if (::ftruncate(file, 0) != 0)
        return sdk::os_error("begin a download anew");
    return {};
}

}  // namespace

std::string BlobCache::path_of(const std::string& digest) const
{
    return directory_ + "/" + digest.substr(digest.find(':') + 1);
}

void BlobCache::forget(const std::string& digest) const
{
    (void)sdk::os::remove_file(path_of(digest));
}

// A download's file is written by its descriptor, which has no name to tell.
sdk::Error BlobCache::with_place(sdk::Error error) const
{
    if (error.code == Code::no_space && error.hint.empty()) {
        error.message = "no space left in " + directory_ + " for a download (" + error.message + ")";
        error.hint = "free some space there: `banger image cache prune` removes what was downloaded";
    }
    return error;
}

Result<std::string> BlobCache::get(const std::string& digest, const std::string& who, sdk::Call& call,
                                   const Complete& complete) const
{
    const auto path = path_of(digest);
    const auto part = path + ".part";
    for (bool resumed = true; resumed;) {
        if (sdk::os::exists(path))
            return path;
        auto file = sdk::os::open_file(part, O_RDWR | O_CREAT | O_APPEND);
        if (!file)
            return std::move(file).error();
        if (auto locked = sdk::os::lock_file(file->get(), part, call.cancel_descriptor()); !locked)
            return std::move(locked).error();
        if (!is_at(file->get(), part))  // another finished or removed it while we waited
            continue;
        const auto before = size_of(file->get());
        if (!before)
            return before.error();
        if (auto done = complete(file->get()); !done)
            return with_place(std::move(done).error());
        auto found = digest_of_file(part, call);
        if (!found)
            return std::move(found).error();
        if (*found == digest) {
            if (::rename(part.c_str(), path.c_str()) != 0)
                return sdk::os_error("rename " + part);
            return path;
        }
        if (auto removed = sdk::os::remove_file(part); !removed)
            return std::move(removed).error();
        resumed = *before > 0;  // what was there may be what is wrong
    }
    return sdk::make_error(Code::corrupt, who + " gives other bytes than " + digest);
}

Result<HttpAnswer> download(const HttpRequest& request, std::uint64_t size, int file, const Patience& patience,
                            const Get& get, sdk::Call& call)
{
    for (Retry retry(patience);;) {
        auto have = size_of(file);
        if (!have)
            return std::move(have).error();
        if (*have > size) {
            if (auto begun = begin_anew(file); !begun)
                return std::move(begun).error();
            *have = 0;
        }
        HttpAnswer done;
        done.status = whole;
        if (*have == size)
            return done;
        HttpRequest rest = request;
        rest.most = size;
        rest.from = *have;
        rest.into = file;
        auto answer = retry.came(get(std::move(rest)));
        if (!answer)
            return answer;
        if (answer->status == no_such_range)
            if (auto begun = begin_anew(file); !begun)
                return std::move(begun).error();
        const auto now = size_of(file);
        if (now && *now == size)
            return done;
        if (answer->status / 100 == 2)
            answer->status = 0;
        if (answer->status == 0 && answer->broken.empty())
            answer->broken = "there are only " + std::to_string(now.value_or(0)) + " of " + std::to_string(size) + " bytes";
        if (!retry.again(*answer, call)) {
            if (call.cancelled())
                return sdk::make_error(Code::cancelled, "cancelled");
            return answer;
        }
    }
}

}  // namespace banger::blobs
