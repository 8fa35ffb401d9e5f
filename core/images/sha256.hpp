// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"

struct evp_md_ctx_st;

namespace banger::images {

/// A SHA-256 (FIPS 180-4) under way.
class Sha256 {
public:
    using Digest = std::array<std::uint8_t, 32>;

    Sha256();
    void add(std::string_view bytes);
    /// Of all that was added. Only once.
    Digest finish();

private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Sha256::Digest sha256(std::string_view text);

/// 64 lower-case hex digits.
std::string hex(const Sha256::Digest& digest);

/// The hex digits of a whole file. Errors: cancelled; those of reading.
sdk::Result<std::string> sha256_of_file(const std::string& path, const sdk::Call& call);

}  // namespace banger::images
