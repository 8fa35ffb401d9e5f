// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/workspace/checkout.hpp"

namespace banger::workspace {

/// A workspace in a guest, and what its changes are counted from.
struct GuestWorkspace {
    std::string vm;
    std::string path;
    std::string base;  ///< a revision of the guest's repository; empty: the files as they came
};

/// The program that prints that patch, in the guest, with its arguments.
[[nodiscard]] std::vector<std::string> patch_command(const GuestWorkspace& workspace);

/// Applies all of a patch to the files in `directory`, or nothing. Errors: precondition if it does not fit; what stopped
/// it half-way, such as a directory that may not be written or a full disk: then every file is as it was, and `place`,
/// which has the patch, is left to the user, as the error says.
sdk::Result<void> apply_patch(TemporaryDirectory& place, const std::string& patch, const std::string& directory,
                              int interrupt);

/// Copies it to a descriptor.
sdk::Result<void> copy_patch(const std::string& patch, int out);

/// Puts it into `file`, which is replaced as a whole, or what it leads to if it is a link; it keeps its mode. What is no
/// file, such as a FIFO or /dev/null, is written to as it is. A failure leaves what was there.
sdk::Result<void> write_patch(const std::string& patch, const std::string& file);

/// What changed in a guest since its base, committed there or not, untracked files included and ignored ones not, as a
/// git patch in a file of ours. The guest's own index is not touched. Changes inside submodules are their own.
class Patch {
public:
    static sdk::Result<Patch> take(cli::Context& context, const GuestWorkspace& workspace);

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// As apply_patch.
    [[nodiscard]] sdk::Result<void> apply(const std::string& directory, int interrupt);

private:
    TemporaryDirectory place_;
    std::string path_;
    std::uint64_t bytes_ = 0;
};

/// One file that differs from the base: git's letter for how (A, M, D, T; git-diff(1), --name-status), and its name.
struct Change {
    char how = 'M';
    std::string name;
};

struct Status {
    std::string base;     ///< commits, in full
    std::string head;     ///< empty where there is none
    std::string branch;   ///< empty: HEAD is detached
    std::uint64_t commits = 0;  ///< of the guest's, since the files came
    std::vector<Change> changes;
};

sdk::Result<Status> status_of(cli::Context& context, const GuestWorkspace& workspace);

}  // namespace banger::workspace
