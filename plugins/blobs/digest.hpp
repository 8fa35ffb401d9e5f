// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"

struct evp_md_ctx_st;

namespace banger::blobs {

/// Whether the text is "sha256:" and 64 small hex digits, so also a harmless file name.
bool is_digest(std::string_view text);

/// A SHA-256 (FIPS 180-4) under way.
class Sha256 {
public:
    Sha256();
    void add(std::string_view bytes);
    /// "sha256:..." of all that was added. Only once.
    std::string digest();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string digest_of(std::string_view bytes);

/// Of a whole file. Errors: cancelled; those of reading.
sdk::Result<std::string> digest_of_file(const std::string& path, sdk::Call& call);

}  // namespace banger::blobs
