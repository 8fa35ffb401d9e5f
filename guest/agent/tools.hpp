// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace banger::agent {

/// What the agent itself can do as a command, in any guest, whatever programs its image has (ExecSpec::tool). Each runs
/// in a child with the standard streams, the user and the working directory of an exec, and returns an exit status: 0,
/// or 1 after a line with an error as JSON (guest/protocol/json.hpp) on standard error. Lines that begin with "note: "
/// are for the person.
///
/// | tool | arguments | |
/// | --- | --- | --- |
/// | unpack | DESTINATION BASE | an archive (guest/tree) from standard input to where tree::target_of says |
/// | create | DIRECTORY | the same into a directory that is empty or not there; a failure or a signal leaves it so |
/// | mirror | DIRECTORY | the same into that directory, made if need be; what is in the way of an entry is removed |
/// | pack | PATH | that file or tree to standard output, as an archive whose root is "." |
/// | write | DESTINATION | standard input into one file, which is replaced when it is complete |
/// | read | PATH | one file to standard output |
/// | seal | DIRECTORY | makes it read-only for everybody, until the guest stops |
/// | remove | DIRECTORY | paths below it, NUL-terminated on standard input; gone already is success |
///
/// An empty function for a name that is none of these.
[[nodiscard]] std::function<int()> tool_named(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace banger::agent
