// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A checkout on its way: its files as they are when they are read, and again where they change meanwhile.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "cli/workspace/checkout.hpp"
#include "cli/workspace/file_tree.hpp"
#include "guest/tree/stamp.hpp"

namespace banger::workspace {
namespace {

constexpr int most_rounds = 3;  ///< of sending again what changed meanwhile

}  // namespace

/// What a later sync counts from: the files as they are here now. Before they are read: what changes meanwhile goes again.
sdk::Result<void> Checkout::note_files()
{
    if (!options_.from.empty() || prefix_ != ".")
        return {};
    const sdk::os::UniqueFd root(::open(repository_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    tree::Stamps stamps;
    for (const auto& name : names())
        if (const auto stamp = tree::settled_stamp_of(root.get(), name.substr(2)))
            stamps.emplace(name.substr(2), *stamp);
    return sdk::os::write_file_atomic(git_directory() + "/" + sync_record, tree::to_text(stamps), 0644);
}

sdk::Result<void> Checkout::pack_files(tree::Packer& packer, FileTree& root, const std::vector<std::string>& names)
{
    for (const auto& name : names) {
        const auto there = root.look(name);
        if (!there)
            return there.error();
        if (!*there)
            continue;
        auto added = packer.add(root.descriptor(), name, prefix_ + "/" + name);
        // Deleted in the working tree, or since it was listed: it is not there to go.
        if (!added && added.error().code != sdk::Code::not_found)
            return added;
        if (added)
            sent_.insert(name);
    }
    return {};
}

sdk::Result<void> Checkout::pack(tree::Packer& packer, std::vector<std::string>& changed)
{
    auto root = FileTree::open(tree());
    if (!root)
        return std::move(root).error();
    if (!repository_.is_git)
        return packer.add_tree(root->descriptor(), ".", prefix_);
    for (const auto* names : {&files_.hollow, &files_.tracked, &files_.untracked, &files_.special})
        if (auto added = pack_files(packer, *root, *names); !added)
            return added;
    std::vector<std::string> restless;  ///< of the submodules
    for (auto& submodule : submodules_) {
        const auto so_far = std::exchange(changed, {});
        if (auto added = submodule.pack(packer, changed); !added)
            return added;
        restless.insert(restless.end(), changed.begin(), changed.end());
        changed = so_far;
    }
    for (int round = 0; round < most_rounds; ++round) {
        auto again = catch_up();
        if (!again)
            return std::move(again).error();
        for (const auto& name : std::exchange(changed, {}))
            again->push_back(name.substr(prefix_.size() + 1));
        std::sort(again->begin(), again->end());
        again->erase(std::unique(again->begin(), again->end()), again->end());
        if (again->empty())
            break;
        if (auto added = pack_files(packer, *root, *again); !added)
            return added;
    }
    changed.insert(changed.end(), restless.begin(), restless.end());
    if (!with_repository())
        return {};
    const sdk::os::UniqueFd staged(::open((place_.path() + "/checkout").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return packer.add_tree(staged.get(), ".git", prefix_ + "/.git");
}

}  // namespace banger::workspace
