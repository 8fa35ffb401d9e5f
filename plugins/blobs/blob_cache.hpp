// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "banger/sdk/host.hpp"
#include "http_get.hpp"
#include "retry.hpp"

namespace banger::blobs {

/// Downloads, kept in a directory under their digests. A file counts only when it is there without ".part" behind its name;
/// what a cut download left is resumed. Threads and processes: any number at once, of which one downloads a blob.
class BlobCache {
public:
    explicit BlobCache(std::string directory) : directory_(std::move(directory)) {}

    /// Adds what is missing to a file opened to append. Asked again from nothing if what was there before is wrong.
    using Complete = std::function<sdk::Result<void>(int file)>;

    /// The path of the blob with this digest. `who` begins the message if it gives other bytes (corrupt); no_space names the
    /// directory.
    sdk::Result<std::string> get(const std::string& digest, const std::string& who, sdk::Call& call,
                                 const Complete& complete) const;
    /// Takes a blob out whose bytes are not what they were when they counted.
    void forget(const std::string& digest) const;

private:
    [[nodiscard]] std::string path_of(const std::string& digest) const;
    [[nodiscard]] sdk::Error with_place(sdk::Error error) const;
    std::string directory_;
};

/// Asks for a request, with what the server wants to know of us.
using Get = std::function<sdk::Result<HttpAnswer>(HttpRequest request)>;

/// Goes on with a download into `file` until it has `size` bytes, again and again with patience. What it ends with is the
/// answer: status 200 for all of it, else the refusal, or 0 and why the connection broke. Errors: those of `get`, cancelled.
sdk::Result<HttpAnswer> download(const HttpRequest& request, std::uint64_t size, int file, const Patience& patience,
                                 const Get& get, sdk::Call& call);

}  // namespace banger::blobs
