// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>

#include "banger/sdk/host.hpp"
#include "manifest.hpp"
#include "reference.hpp"

namespace banger::oci {

struct Fetched {
    std::string digest;  ///< of the manifest for the platform
    Manifest manifest;
    std::string config;  ///< JSON text
};

/// One repository of a registry that speaks the OCI distribution specification. HTTPS, and plain HTTP to loopback.
/// Blobs are kept by digest in `cache`, and count only when size and digest are right; what a cut download left is
/// resumed. Threads: `blob` may be called from several.
class Registry {
public:
    Registry(Reference reference, std::string cache);

    /// Errors: not_found, permission for 401 and 403, unavailable, corrupt, unsupported; all name the reference.
    sdk::Result<Fetched> fetch(const std::string& platform, sdk::Call& call);
    /// The path of the blob in the cache.
    sdk::Result<std::string> blob(const Descriptor& blob, sdk::Call& call);

private:
    struct Answer {
        long status = 0;
        std::string challenge;
        std::string body;
    };
    sdk::Result<Answer> get(const std::string& url, const std::string& accept, int into, std::uint64_t from,
                            std::uint64_t most, sdk::Call& call);
    sdk::Result<Answer> get_allowed(const std::string& path, const std::string& accept, int into, std::uint64_t from,
                                    std::uint64_t most, sdk::Call& call);
    sdk::Result<void> answer_challenge(const std::string& challenge, sdk::Call& call);
    sdk::Result<std::string> document(const std::string& path, const std::string& accept, sdk::Call& call);
    [[nodiscard]] sdk::Error refused(long status, const std::string& what) const;

    Reference reference_;
    std::string cache_;
    std::mutex mutex_;
    std::string token_;
    std::string user_;
};

}  // namespace banger::oci
