// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/guest_tool.hpp"
#include "cli/workspace/working_tree.hpp"
#include "guest/tree/stamp.hpp"

namespace banger::workspace {

/// Where a guest keeps what its sync left open (Conflicts), in the git directory of a checkout.
inline constexpr const char* conflict_record = "banger-conflicts";

/// A workspace's files in a running guest, as far as a sync has to do with them. What it answers is the guest's word.
/// Threads: one.
class GuestTree {
public:
    GuestTree(cli::Context& context, std::string vm, std::string path)
        : context_(context), vm_(std::move(vm)), path_(std::move(path))
    {
    }

    /// What the host's files were when they came (sync_record); empty where nothing is known. Errors: not_found, with
    /// how to make it, where there is no such directory.
    sdk::Result<tree::Stamps> read_record();
    /// The open conflicts that an earlier sync left (conflict_record); empty where nothing is known.
    sdk::Result<tree::Stamps> read_conflicts();
    /// Whether there is a place for it: the git directory of a repository. Once read_record was called.
    [[nodiscard]] bool keeps_record() const { return keeps_record_; }

    /// Removes files, and directories that are empty by then.
    sdk::Result<void> unlink(const std::vector<std::string>& files, const std::vector<std::string>& directories);

    /// The same for files that are there as in `expected`; the names of those that are not, and stay.
    sdk::Result<std::set<std::string>> unlink_unchanged(const tree::Stamps& expected,
                                                        const std::vector<std::string>& directories);

    /// Files on their way there.
    struct Delivery {
        const WorkingTree& from;
        std::vector<std::string> names;
        /// For each, before it is read: with its stamp; nothing once it turns out that it does not go.
        std::function<void(const std::string& name, const std::optional<tree::Stamp>& stamp)> on_file;
        /// It changed while it was read.
        std::function<void(const std::string& name)> on_changed;
        /// What is there now (tree::is_as_expected): a file that changed since stays. Nothing: what is there does not matter.
        std::optional<tree::Stamps> expected;
        /// Of one that stayed, once all went.
        std::function<void(const std::string& name)> on_stayed;
        /// Asked for at the end: what the record is to be. Empty function: it stays.
        std::function<tree::Stamps()> record;
        /// What the conflicts are to be, beside a record. Nothing: they stay.
        std::optional<tree::Stamps> conflicts;
    };
    /// The names of those that went. What cannot be read is noted and left out. Errors: exists where something else is in
    /// the way there, such as a directory of the guest's own.
    sdk::Result<std::vector<std::string>> send(const Delivery& delivery);

    /// The files and directories with these names as they are there now.
    sdk::Result<tree::Stamps> scan(const std::vector<std::string>& names);
    /// What is in these directories, and no deeper (tree::list).
    sdk::Result<tree::Stamps> list(const std::vector<std::string>& directories);

    /// An archive of these files, to `consume`, which need not trust it.
    sdk::Result<void> fetch(const std::vector<std::string>& names,
                            const std::function<sdk::Result<void>(int in)>& consume);

    /// The tool that follow() holds on to: it tells of changes there, or only that the guest is there.
    [[nodiscard]] cli::ToolCall watch() const { return tool("watch"); }
    [[nodiscard]] cli::ToolCall hold() const { return {vm_, "hold", {}, ""}; }

private:
    sdk::Result<tree::Stamps> look_at(const std::string& list);
    [[nodiscard]] cli::ToolCall tool(const char* name) const { return {vm_, name, {path_}, ""}; }
    [[nodiscard]] sdk::Error failed(sdk::Error error, const std::string& what) const;

    cli::Context& context_;
    std::string vm_;
    std::string path_;
    bool keeps_record_ = false;
};

}  // namespace banger::workspace
