// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "banger/sdk/result.hpp"
#include "guest/tree/file_writer.hpp"
#include "guest/tree/input.hpp"

namespace banger::tree {

struct UnpackOptions {
    /// Something else may stand where an entry goes: a file where a directory should be, a link on the way. It is
    /// removed, with all that is below it. Else that is an error. Files over files are replaced in any case.
    bool replace = false;
    Caching caching = Caching::here;
    /// Bytes of content that were written so far.
    std::function<void(std::uint64_t bytes)> on_progress;
    /// Which names below `directory` may be files, links, or what a hard link leads to; directories come with them only.
    /// Another one is an error: invalid. Empty: all may.
    std::function<bool(const std::string& path)> takes;
    /// Asked at the last moment before a file or link that is complete gets the name of another one: if it may not, it
    /// vanishes instead, and so it does if the other one is changed after the answer. Empty: it may.
    std::function<bool(const std::string& path)> may_replace;
    /// Told of an entry that does not come because something else stands where it goes. Empty: that is an error.
    std::function<void(const std::string& path)> on_in_the_way;
};

struct Unpacked {
    std::uint64_t files = 0;  ///< entries that are no directories
    std::uint64_t bytes = 0;
};

/// Reads an archive of a Packer, or any tar, to the end of `in` and makes what is in it. The entry "." becomes `leaf` in
/// `directory`, "./a" or "a" becomes `leaf`/a; with `leaf` "." everything goes into `directory` itself.
///
/// The stream is not trusted: no entry leaves `directory`, no symbolic link below it is followed, no file is written
/// through one that is there already (files are made anew, and replace what has their name when they are complete), and
/// set-id bits are dropped. Directories get their modes and times at the end. What is made belongs to the caller.
/// A failure leaves what was unpacked before, and no half file; so does a signal that ends us (see NewFile).
/// Errors: corrupt for a stream that is no tar or ends in the middle, invalid for names that are not allowed, exists
/// where something else stands, no_space and the like of the operating system, with the entry's name.
sdk::Result<Unpacked> unpack(Input& in, int directory, const std::string& leaf, const UnpackOptions& options = {});

}  // namespace banger::tree
