// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "guest/tree/input.hpp"

namespace banger::agent {

/// What the agent itself can do as a command, in any guest, whatever programs its image has (ExecSpec::tool). Each runs
/// in a child with the standard streams, the user and the working directory of an exec, and returns an exit status: 0,
/// or 1 after a line with an error as JSON (guest/protocol/json.hpp) on standard error. Lines that begin with "note: "
/// are for the person.
///
/// | tool | arguments | |
/// | --- | --- | --- |
/// | unpack | DESTINATION BASE | an archive (guest/tree) from standard input to where tree::target_of says |
/// | create | DIRECTORY | the same into a directory that is empty or not there; a failure or a signal leaves it so. After a guest that died in the middle it begins anew |
/// | mirror | DIRECTORY | the same into that directory, made if need be; what is in the way of an entry is removed |
/// | pack | PATH | that file or tree to standard output, as an archive whose root is "." |
/// | write | DESTINATION | standard input into one file, which is replaced when it is complete |
/// | read | PATH | one file to standard output |
/// | seal | DIRECTORY | makes it read-only for everybody, until the guest stops |
/// | remove | DIRECTORY | paths below it, NUL-terminated on standard input; gone already is success |
/// | unlink | DIRECTORY | the same, files and links only; a path with a slash at its end is a directory, if it is empty |
/// | renew | DIRECTORY | an archive behind a list of what is expected there (below): files that are not as expected stay, and so does what is in the way of one; their paths go to standard output, NUL-terminated |
/// | retire | DIRECTORY | the same for an unlink: a list of what is expected of the files, and behind it directories as for unlink |
/// | scan | DIRECTORY | what the files and directories are whose paths below it are on standard input: stamps (guest/tree/stamp.hpp); of a path with a slash at its end, what is in that directory (tree::list) |
/// | gather | DIRECTORY | the files whose paths below it are on standard input, as an archive; those that are gone are left out |
/// | watch | DIRECTORY | paths below it, NUL-terminated, as things happen to them there, and in those directories below whose paths are on standard input: what is in one is told when it is watched, be it that it is made later; "." at the beginning, and where anything may have happened; ends when its standard input does |
/// | hold | | ends when its standard input does: it tells whoever holds the other end that the guest is there |
///
/// A list of what is expected is its length in bytes, in decimal, and a line feed; then stamps (tree::to_text), those of
/// tree::is_as_expected. What is not in it may be as it likes.
///
struct Tool {
    /// Standard input is `in`; "watch" and "hold" take it from its descriptor.
    std::function<int(tree::Input& in)> run;
    bool takes_much = false;  ///< from standard input: contents of files, not only names
};

/// Nothing for a name that is none of these.
[[nodiscard]] std::optional<Tool> tool_named(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace banger::agent
