// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

/// Names that somebody else wrote, looked up below a directory and nowhere else.
namespace banger::tree {

/// "a/b" of "./a//b/"; "" for the root of the tree. Errors: invalid for what leads elsewhere.
sdk::Result<std::string> clean_name(const std::string& name);
/// The error of a name that would lead outside: invalid.
sdk::Error odd_name(const std::string& name);

/// openat2(2) that follows no link and stays below `directory`; the error is in errno.
sdk::os::UniqueFd open_beneath(int directory, const std::string& path, int flags);

/// Removes what is at `name` below `directory`, a whole tree if it is one, following no link. Gone already is success.
/// Errors: invalid for a name that leads outside, and those of the operating system.
sdk::Result<void> remove_beneath(int directory, const std::string& name);

/// Removes the file or link at `name` below `directory`, or with a slash at its end the directory, if that is empty.
/// Following no link. What is something else, is not empty or is gone stays as it is, which is success.
/// Errors: as remove_beneath.
sdk::Result<void> unlink_beneath(int directory, const std::string& name);

}  // namespace banger::tree
