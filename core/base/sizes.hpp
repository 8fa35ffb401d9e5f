// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::base {

/// What a number without a unit means.
enum class PlainUnit { bytes, mebibytes };

/// Bytes from a person's size. Units, in any letter case, with or without a space before them:
///   K M G T P and KiB MiB GiB TiB PiB   powers of 1024 (as qemu-img and coreutils have them)
///   kB MB GB TB PB                      powers of 1000
///   B                                   bytes
/// A fraction is fine where it makes whole bytes ("1.5G"). Zero is a size; whether it makes sense is the caller's to
/// say. `what` is the subject of the error, such as "--disk". `invalid` for anything else: empty, negative, no number,
/// unknown unit, or more than 2^63 - 1 bytes.
[[nodiscard]] sdk::Result<std::uint64_t> parse_size(std::string_view what, std::string_view text,
                                                    PlainUnit plain = PlainUnit::bytes);

/// "8 GiB", "1.5 GiB", "512 MiB", "0 B": the largest power of 1024 that fits, one decimal at most, rounded down.
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace banger::base
