// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "banger/sdk/host.hpp"
#include "blobs/blob_cache.hpp"
#include "blobs/http_get.hpp"
#include "manifest.hpp"
#include "reference.hpp"
#include "blobs/retry.hpp"

namespace banger::oci {

struct Fetched {
    std::string digest;  ///< of the manifest for the platform
    Manifest manifest;
    std::string config;  ///< JSON text
};

struct RegistryOptions {
    std::string cache;   ///< directory of blobs
    bool plain = false;  ///< plain HTTP although the registry is not on this machine
    blobs::Patience patience;
};

/// One repository of a registry that speaks the OCI distribution specification. HTTPS; plain HTTP to loopback, unless an
/// authority is known for it, and where options say so. Blobs are kept by digest in the cache, and count only when size
/// and digest are right; what a cut download left is resumed. Threads: `blob` may be called from several, and by several
/// processes for one cache.
class Registry {
public:
    Registry(Reference reference, RegistryOptions options);

    /// Where a blob is asked for that this one does not give, since a mirror may have only some of an image's. The other outlives this.
    void fall_back_to(Registry& other) { next_ = &other; }

    /// Errors: not_found, permission for 401 and 403, unavailable, corrupt, unsupported; all name the reference.
    sdk::Result<Fetched> fetch(const std::string& platform, sdk::Call& call);
    /// The path of the blob in the cache. `arrived` is told how many of its bytes are there.
    sdk::Result<std::string> blob(const Descriptor& blob, sdk::Call& call,
                                  const std::function<void(std::uint64_t)>& arrived = {});
    /// Takes a blob out of the cache whose bytes are not what they were when they counted.
    void forget(const Descriptor& blob) const;

private:
    sdk::Result<std::string> own_blob(const Descriptor& blob, sdk::Call& call, const std::function<void(std::uint64_t)>& arrived);
    sdk::Result<blobs::HttpAnswer> get(blobs::HttpRequest request, sdk::Call& call);
    sdk::Result<blobs::HttpAnswer> get_allowed(blobs::HttpRequest request, sdk::Call& call);
    sdk::Result<blobs::HttpAnswer> get_token(const std::string& url, sdk::Call& call);
    sdk::Result<void> answer_challenge(const std::string& challenge, sdk::Call& call);
    sdk::Result<std::string> document(const std::string& path, const std::string& accept, sdk::Call& call);
    [[nodiscard]] sdk::Error refused(const blobs::HttpAnswer& answer, const std::string& what) const;

    Reference reference_;
    RegistryOptions options_;
    blobs::BlobCache cache_;
    Registry* next_ = nullptr;
    std::optional<std::string> authority_;
    std::string base_;  // of URLs
    std::mutex mutex_;
    std::string token_;
    std::string user_;
};

}  // namespace banger::oci
