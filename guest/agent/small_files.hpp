// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// The directory that an absolute path is in.
[[nodiscard]] std::string parent_of(const std::string& path);

/// A name that nobody has, in the same directory: for what is renamed to `path` once it is complete.
[[nodiscard]] std::string temporary_beside(const std::string& path);

/// The content of a small file; empty when it cannot be read.
[[nodiscard]] std::string small_file(const std::string& path);

/// The same without white space at its end: for the one-line files of sysfs and procfs.
[[nodiscard]] std::string small_line(const std::string& path);

/// Takes the first line, without its end, off a text.
[[nodiscard]] std::string_view take_line(std::string_view& text);

/// Replaces a file as a whole (temporary name, rename), so that nobody ever reads half of it. Follows a symbolic link
/// at `path` and replaces what it leads to. Errors: those of the operating system; the old file is then untouched.
[[nodiscard]] sdk::Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode);

/// Makes a directory and those above it (0755); those that exist are left as they are.
void make_directories(const std::string& path);

/// What the kernel command line gives as `name=`; empty if it is not there.
[[nodiscard]] std::string boot_option(std::string_view name);

}  // namespace banger::agent
