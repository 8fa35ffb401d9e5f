// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::plugins {

/// The bytes of one section of an ELF file (elf(5)) of this machine's class and byte order, read without running any of
/// it. `invalid` if the file is no such ELF file or its tables lead outside of it; `not_found` if it has no such
/// section. Sections above 64 KiB are refused.
///
/// Boost.DLL's library_info lists sections too, but 1.74 gives no contents and reads beyond its buffer when a file's
/// table of section names is empty or does not end in a zero byte.
[[nodiscard]] sdk::Result<std::string> read_elf_section(const std::string& path, const std::string& name);

}  // namespace banger::plugins
