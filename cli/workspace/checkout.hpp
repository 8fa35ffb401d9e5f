// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ctime>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "cli/workspace/git.hpp"
#include "cli/workspace/repository.hpp"
#include "cli/workspace/file_tree.hpp"
#include "cli/temporary_directory.hpp"
#include "guest/tree/packer.hpp"

namespace banger::workspace {

using cli::TemporaryDirectory;

/// What a guest's checkout is to be.
struct CheckoutOptions {
    bool tracked_only = false;
    bool files_only = false;  ///< without a repository around them
    std::string branch;       ///< a new one for the guest; empty: the branch that is checked out here
    std::string from;         ///< what the new branch begins at; empty: HEAD and the working tree as it is
    std::uint64_t depth = 0;  ///< how many commits of history go; 0: all
};

/// In a guest's git directory: which files came from the host, and what they were there (guest/tree/stamp.hpp).
inline constexpr const char* sync_record = "banger-synced";

/// A repository of the host as it will be in a guest: which files, and a git directory made for them.
///
/// The git directory is made in a temporary place, with git's own means, from the host's objects: the history up to a
/// depth, the branch, the remote, who commits, and an index whose entries match the files that go, so that the guest's
/// first `git status` need not read them. `refs/banger/base` is a commit of the files exactly as they go, uncommitted
/// and untracked ones included: what the guest changed is what differs from it. The host's repository is only read.
class Checkout {
public:
    /// Looks and checks; makes nothing. Errors: those of find_repository; invalid for a branch name or a revision that
    /// git does not know.
    static sdk::Result<Checkout> plan(const std::string& path, const CheckoutOptions& options, int interrupt);

    [[nodiscard]] const Repository& repository() const { return repository_; }
    [[nodiscard]] const FileList& files() const { return files_; }
    /// Those of its submodules too, under the names that they have in it.
    [[nodiscard]] FileList all_files() const;
    [[nodiscard]] const std::vector<Checkout>& submodules() const { return submodules_; }
    /// Names of the files that would go, submodules' included, each beginning with "./"; sorted.
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] std::string branch() const { return options_.branch.empty() ? repository_.branch : options_.branch; }

    /// Makes the git directory. Errors: git's, no_space and the like.
    sdk::Result<void> stage();
    /// Looks again, some time after stage(), and puts right what changed since: so that what the user edits while the
    /// guest boots goes along as his, and does not look like the guest's work. Errors: as stage().
    sdk::Result<void> renew();
    /// The commit of `refs/banger/base`, once staged; empty for files without a repository.
    [[nodiscard]] const std::string& base() const { return base_; }

    /// Puts everything into the stream, below "./", and the git directory behind the files that it is about. `changed` is
    /// where the packer's on_changed puts names: what changes while it is read, or once it went, goes again, a few times;
    /// what then is still in the list did not come to rest.
    sdk::Result<void> pack(tree::Packer& packer, std::vector<std::string>& changed);

private:
    [[nodiscard]] bool with_repository() const { return repository_.is_git && !options_.files_only; }
    static sdk::Result<Checkout> plan_at(const std::string& prefix, const std::string& path,
                                         const CheckoutOptions& options, int interrupt);
    sdk::Result<void> check_branch();
    [[nodiscard]] sdk::Result<void> check_readable() const;
    [[nodiscard]] bool is_fresh() const;
    sdk::Result<void> check_out_start();
    sdk::Result<void> fetch_history();
    sdk::Result<void> set_head();
    sdk::Result<void> copy_settings();
    sdk::Result<void> copy_excludes();
    sdk::Result<void> make_index();
    sdk::Result<void> make_base();
    sdk::Result<void> index_files(const Git& git);
    sdk::Result<void> look_again();
    sdk::Result<std::vector<std::string>> catch_up();
    sdk::Result<void> pack_files(tree::Packer& packer, FileTree& root, const std::vector<std::string>& names);
    sdk::Result<void> note_files();
    [[nodiscard]] std::string git_directory() const { return place_.path() + "/checkout/.git"; }
    /// Where the files that go are: the working tree, or that of another revision in the temporary place.
    [[nodiscard]] const std::string& tree() const { return start_tree_.empty() ? repository_.root : start_tree_; }

    CheckoutOptions options_;
    int interrupt_ = -1;
    std::string prefix_ = ".";  ///< its name in the stream
    Repository repository_;
    FileList files_;
    std::string start_;       ///< the commit that is checked out; empty where there is none
    std::string start_tree_;
    std::string base_;
    timespec staged_at_{};
    std::set<std::string> sent_;        ///< files that are in the stream
    std::vector<std::string> missing_;  ///< of the files, those that were not there then; sorted
    std::vector<std::string> filters_;  ///< "key=value" of gitattributes(5), which make what git keeps of a file
    TemporaryDirectory place_;
    std::vector<Checkout> submodules_;
};

}  // namespace banger::workspace
