// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/handle.hpp"
#include "banger/sdk/host.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/result.hpp"

namespace banger::sdk {

/// A file, device or directory of the host's that a jailed program finds, under a name of its own.
struct JailedFile {
    std::string inside;     ///< absolute path in the jail, each part a plain name
    std::string source;     ///< absolute path on the host, without symbolic links; the user can open it
    bool writable = false;
};

/// A program, and all that it finds where it runs.
struct JailSpec {
    Owner owner;
    std::vector<std::string> argv;  ///< the first is the program's path in the jail
    std::string directory;          ///< its working directory, in the jail
    std::string output;             ///< a FIFO there that somebody reads: its standard output
    std::string errors;             ///< another: its standard error
    std::vector<JailedFile> files;
};

/// Starts programs as the user whose machines these are (Host::user), where they find no file, no device and no process of
/// the host but what they were given, each in a control group of its own (docs/decisions/0030-jailed-vmms.md).
/// Implemented by the host only, so it may grow at its end.
///
/// Threads: any. Crashes and errors of start: the program may have been started all the same. Whoever called looks for it, by
/// its arguments, and ends it.
class Jails {
public:
    virtual ~Jails() = default;

    /// Whether programs can be jailed on this host: `unavailable` if not, with what to do.
    [[nodiscard]] virtual Result<void> probe(Call& call) = 0;

    /// Returns once the program runs. Files that it makes are for the user alone.
    [[nodiscard]] virtual Result<os::ProcessId> start(const JailSpec& spec, Call& call) = 0;
};

}  // namespace banger::sdk
