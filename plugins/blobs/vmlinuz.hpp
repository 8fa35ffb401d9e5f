// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::blobs {

/// Where the compressed kernel lies in a bzImage.
struct Payload {
    std::string_view bytes;      ///< without the length that the kernel's build appends to most formats
    std::uint32_t unpacked = 0;  ///< bytes
};

/// Finds it by the boot header (the kernel's Documentation/arch/x86/boot.rst: setup_sects, header, version,
/// payload_offset, payload_length; protocol 2.08 or newer). `corrupt` if this is no such kernel.
sdk::Result<Payload> find_payload(std::string_view vmlinuz);

/// Writes the uncompressed kernel in `vmlinuz` to a descriptor. The payload may be packed in any way that read_known_filters
/// takes (Debian 12 uses LZ4's legacy frame, Debian 13 zstd). `corrupt` if it does not unpack to the promised length.
sdk::Result<void> unpack_vmlinux(std::string_view vmlinuz, int output);

}  // namespace banger::blobs
