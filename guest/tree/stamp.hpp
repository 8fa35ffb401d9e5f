// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::tree {

/// What tells that a file or a link is another one than before, without reading it.
struct Stamp {
    mode_t mode = 0;  ///< type and permissions, inode(7)
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;  ///< st_ctim, which nobody can set back; 0: it changed just now, and may do so unseen
    std::uint64_t size = 0;

    friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// Files and links by their names, relative to one directory and without "./".
using Stamps = std::map<std::string, Stamp>;

/// Of a file or link below `directory`, following no link on the way. Nothing for what is gone, is behind a link, or is
/// neither a file nor a link.
[[nodiscard]] std::optional<Stamp> stamp_of(int directory, const std::string& name);

/// Whether nobody can say so: a directory on the way may not be entered by us.
[[nodiscard]] bool is_out_of_sight(int directory, const std::string& name);

/// Nanoseconds by the clock that files are stamped with.
[[nodiscard]] std::int64_t clock_now_ns();

/// The stamp of one, where a file that changed within the clock's last tick before `now_ns` differs from itself the next time: one
/// more change in that tick would leave no trace. The clock is read before the file is looked at, however long that takes.
[[nodiscard]] std::optional<Stamp> settled_stamp_of(int directory, const std::string& name,
                                                    std::int64_t now_ns = clock_now_ns());

/// Four numbers and a name for each, NUL-terminated.
[[nodiscard]] std::string to_text(const Stamps& stamps);
/// Errors: corrupt.
[[nodiscard]] sdk::Result<Stamps> stamps_from_text(std::string_view text);

/// Files as somebody expects them to be: a Stamp of nothing but zeros where he expects none.
[[nodiscard]] bool is_as_expected(int directory, const std::string& name, const Stamp& expected);

/// Whether the name is that of a repository's own directory, or of something in it.
[[nodiscard]] bool is_in_git_directory(std::string_view name);

/// What is in the directory `name` ("." for `directory` itself) and no deeper, by its name relative to `directory`, except
/// a ".git". A directory's stamp has its type and nothing else. Nothing where that is no directory, or is behind a link.
[[nodiscard]] Stamps list(int directory, const std::string& name);

/// Everything below `directory` that is a file or a link, except what is in a ".git". Errors: those of reading a
/// directory; one that vanishes meanwhile is none.
[[nodiscard]] sdk::Result<Stamps> scan(int directory);

}  // namespace banger::tree
