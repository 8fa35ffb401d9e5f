// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/checkout.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "cli/text.hpp"
#include "cli/workspace/file_tree.hpp"
#include "cli/workspace/git.hpp"

namespace banger::workspace {

sdk::Result<Checkout> Checkout::plan(const std::string& path, const CheckoutOptions& options, int interrupt)
{
    return plan_at(".", path, options, interrupt);
}

sdk::Result<Checkout> Checkout::plan_at(const std::string& prefix, const std::string& path,
                                        const CheckoutOptions& options, int interrupt)
{
    auto repository = find_repository(path, interrupt);
    if (!repository)
        return std::move(repository).error();
    Checkout checkout;
    checkout.prefix_ = prefix;
    checkout.options_ = options;
    checkout.interrupt_ = interrupt;
    checkout.repository_ = std::move(*repository);
    if (auto checked = checkout.check_branch(); !checked)
        return std::move(checked).error();
    if (!options.from.empty()) {
        auto there = files_at(checkout.repository_, checkout.start_, interrupt);
        if (!there)
            return std::move(there).error();
        checkout.files_ = std::move(*there);
        return checkout;  // those here stay here
    }
    auto files = files_of(checkout.repository_, options.tracked_only, interrupt);
    if (!files)
        return std::move(files).error();
    checkout.files_ = std::move(*files);
    if (auto readable = checkout.check_readable(); !readable)
        return std::move(readable).error();
    for (const auto& name : checkout.files_.submodules) {
        CheckoutOptions own = options;
        own.branch.clear();
        auto submodule = plan_at(prefix + "/" + name, checkout.repository_.root + "/" + name, own, interrupt);
        if (!submodule)
            return std::move(submodule).error().while_doing("look at the submodule " + cli::quoted(name));
        checkout.submodules_.push_back(std::move(*submodule));
    }
    return checkout;
}

sdk::Result<void> Checkout::check_branch()
{
    start_ = repository_.head;
    if (options_.branch.empty())
        return {};
    if (!with_repository())
        return sdk::make_error(sdk::Code::invalid, cli::quoted(repository_.root) + " goes without a repository, which "
                                                   "could have a branch", "leave --branch out");
    const Git git(repository_.root, interrupt_);
    auto valid = git.agrees({"check-ref-format", "--branch", options_.branch});
    if (!valid)
        return std::move(valid).error();
    if (!*valid)
        return sdk::make_error(sdk::Code::invalid, cli::quoted(options_.branch) + " cannot be the name of a branch",
                               "see git-check-ref-format(1)");
    if (options_.from.empty())
        return {};
    auto commit = git.line({"rev-parse", "--verify", "--quiet", "--end-of-options", options_.from + "^{commit}"});
    if (!commit)
        return sdk::make_error(sdk::Code::invalid,
                               "there is no commit " + cli::quoted(options_.from) + " in " + cli::quoted(repository_.root),
                               "see `git log --all` and `git branch -a` there");
    start_ = std::move(*commit);
    return {};
}

/// Before there is a guest, and by name: git would only say that it cannot go on.
sdk::Result<void> Checkout::check_readable() const
{
    auto tree = FileTree::open(repository_.root);
    if (!tree)
        return std::move(tree).error();
    const auto refusal = [&](const std::string& name, const std::vector<std::string>& of) {
        const bool can_be_left = repository_.is_git && &of == &files_.untracked;
        return sdk::make_error(sdk::Code::permission, "cannot read " + cli::quoted(name) + " in " + cli::quoted(repository_.root),
                               can_be_left ? "ignore it in .gitignore, or leave untracked files out with --tracked-only"
                                           : "make it readable for you");
    };
    for (const auto* names : {&files_.tracked, &files_.untracked})
        for (const auto& name : *names) {
            const auto there = tree->look(name);
            if (!there)
                return sdk::Error(there.error()).while_doing("look at the files in " + cli::quoted(repository_.root));
            if (*there && S_ISREG((*there)->st_mode) && !tree->may_read(name))
                return refusal(name, *names);
        }
    return {};
}

FileList Checkout::all_files() const
{
    FileList all = files_;
    for (const auto& submodule : submodules_) {
        const FileList below = submodule.all_files();
        const std::string place = submodule.prefix_.substr(prefix_.size() + 1) + "/";
        for (const auto list : {&FileList::tracked, &FileList::untracked, &FileList::nested})
            for (const auto& name : below.*list)
                (all.*list).push_back(place + name);
    }
    return all;
}

std::vector<std::string> Checkout::names() const
{
    std::vector<std::string> names;
    if (!options_.from.empty()) {
        for (const auto& name : files_.tracked)
            names.push_back(prefix_ + "/" + name);
        return names;
    }
    if (auto tree = FileTree::open(repository_.root))
        for (const auto* list : {&files_.tracked, &files_.untracked})
            for (const auto& name : *list)
                if (const auto there = tree->look(name); there && *there && has_content(**there))
                    names.push_back(prefix_ + "/" + name);
    for (const auto& submodule : submodules_) {
        auto below = submodule.names();
        names.insert(names.end(), below.begin(), below.end());
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace banger::workspace
