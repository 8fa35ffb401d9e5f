// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/two_way.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"
#include "cli/workspace/checkout.hpp"
#include "cli/workspace/follow.hpp"
#include "cli/workspace/prepare.hpp"
#include "guest/tree/unpacker.hpp"

namespace banger::workspace {
namespace {

constexpr std::size_t longest_file = std::size_t{1} << 40U;

/// What is in a file, or where a link leads.
sdk::Result<std::string> content_of(const std::string& path, const tree::Stamp& stamp)
{
    if (!S_ISLNK(stamp.mode))
        return sdk::os::read_file(path, longest_file);
    std::error_code problem;
    const auto target = std::filesystem::read_symlink(path, problem);
    if (problem)
        return sdk::os_error("read the link " + cli::quoted(path), problem.value());
    return target.string();
}

std::string without_ending(const std::string& name)
{
    return name.substr(0, name.size() - std::string_view(conflict_ending).size());
}

}  // namespace

sdk::Result<void> TwoWaySync::begin()
{
    auto interrupt = interrupt_of(context_);
    if (!interrupt)
        return std::move(interrupt).error();
    auto files = WorkingTree::open(options_.path, options_.tracked_only, *interrupt);
    if (!files)
        return interrupted(context_, std::move(files).error());
    here_.emplace(std::move(*files));
    auto record = there_.read_record();
    if (!record)
        return std::move(record).error();
    for (const auto& [name, stamp] : *record)
        if (may_come(name))
            agreed_.emplace(name, Agreement{stamp, std::nullopt});
    if (!here_->repository().is_git || !there_.keeps_record())
        return sdk::make_error(sdk::Code::precondition, "--two-way is for a repository here and its checkout there",
                               "without one nobody knows which files are to be left out");
    return {};
}

bool TwoWaySync::is_in_conflict(const std::string& name) const
{
    return here_->stamp(name + conflict_ending).has_value();
}

/// A conflict's copy stands for its file. What is in conflict stays out; what no longer is counts as changed here.
void TwoWaySync::settle_conflicts(std::set<std::string>& candidates)
{
    std::set<std::string> settled;
    for (const auto& candidate : candidates) {
        const auto name = candidate.ends_with(conflict_ending) ? without_ending(candidate) : candidate;
        if (!may_come(name) || is_in_conflict(name))
            continue;
        if (const auto conflict = conflicts_.find(name); conflict != conflicts_.end()) {
            agreed_[name] = {std::nullopt, conflict->second};
            conflicts_.erase(conflict);
        }
        settled.insert(name);
    }
    candidates = std::move(settled);
}

sdk::Result<void> TwoWaySync::leave_out_what_git_ignores(std::set<std::string>& candidates)
{
    std::set<std::string> unknown;
    for (const auto& name : candidates)
        if (agreed_.count(name) == 0)
            unknown.insert(name);
    if (unknown.empty())
        return {};
    auto yes = here_->considered(unknown);
    if (!yes)
        return interrupted(context_, std::move(yes).error());
    for (const auto& name : unknown)
        if (yes->count(name) == 0)
            candidates.erase(name);
    return {};
}

sdk::Result<Synced> TwoWaySync::all()
{
    auto listed = here_->names();
    if (!listed)
        return interrupted(context_, std::move(listed).error());
    auto there = there_.scan({});
    if (!there)
        return std::move(there).error();
    std::set<std::string> candidates;
    for (auto at = agreed_.begin(); at != agreed_.end();) {
        if (listed->count(at->first) == 0 && here_->stamp(at->first)) {
            at = agreed_.erase(at);  // ignored from now on
            continue;
        }
        candidates.insert(at->first);
        ++at;
    }
    for (const auto& [name, stamp] : *there)
        if (listed->count(name) == 0)
            candidates.insert(name);
    settle_conflicts(candidates);
    if (auto done = leave_out_what_git_ignores(candidates); !done)
        return std::move(done).error();
    settle_conflicts(*listed);
    candidates.merge(*listed);
    return round(std::move(candidates), *there);
}

sdk::Result<Synced> TwoWaySync::some(const tree::Happened& here, const tree::Happened& there)
{
    if (here.everything)
        if (auto watched = here_->watch(); !watched)
            return interrupted(context_, std::move(watched).error());
    if (here.everything || there.everything)
        return all();
    std::set<std::string> candidates = here.names;
    candidates.insert(there.names.begin(), there.names.end());
    std::set<std::string> below;
    for (const auto& name : candidates)
        for (auto at = agreed_.lower_bound(name + "/"); at != agreed_.end() && at->first.starts_with(name + "/"); ++at)
            below.insert(at->first);
    candidates.merge(below);
    settle_conflicts(candidates);
    if (auto done = leave_out_what_git_ignores(candidates); !done)
        return std::move(done).error();
    if (candidates.empty())
        return Synced();
    auto now = there_.scan({candidates.begin(), candidates.end()});
    if (!now)
        return std::move(now).error();
    return round(std::move(candidates), *now);
}

sdk::Result<Synced> TwoWaySync::round(std::set<std::string> candidates, const tree::Stamps& there)
{
    std::map<std::string, Sides> sides;
    for (const auto& name : candidates) {
        const auto found = there.find(name);
        sides[name] = {here_->stamp(name), found == there.end() ? std::nullopt : std::optional(found->second)};
    }
    auto plan = plan_two_way(agreed_, sides);
    Synced synced;
    for (const auto& name : plan.forget)
        agreed_.erase(name);
    if (auto done = remove_there(plan.remove_there); !done)
        return std::move(done).error();
    if (auto done = remove_here(plan.remove_here); !done)
        return std::move(done).error();
    if (auto done = compare(plan.compare, sides, synced); !done)
        return std::move(done).error();
    if (auto done = receive(plan.receive, sides, synced); !done)
        return std::move(done).error();
    bool names_differ = !plan.forget.empty() || !plan.remove_there.empty() || !plan.remove_here.empty() ||
                        !synced.received.empty();
    for (const auto& name : plan.send)
        names_differ = names_differ || agreed_.count(name) == 0;
    auto sent = send(plan.send, names_differ);
    if (!sent)
        return std::move(sent).error();
    synced.sent = std::move(*sent);
    synced.removed = std::move(plan.remove_there);
    synced.removed_here = std::move(plan.remove_here);
    return synced;
}

sdk::Result<void> TwoWaySync::remove_there(const std::vector<std::string>& names)
{
    const auto is_here = [this](const std::string& name) { return here_->is_directory(name); };
    for (const auto& name : names)
        agreed_.erase(name);
    return there_.unlink(names, emptied_directories(names, is_here));
}

/// And what directories are empty by that, as git does it.
sdk::Result<void> TwoWaySync::remove_here(const std::vector<std::string>& names)
{
    for (const auto& name : names) {
        const auto agreed = agreed_.find(name);
        if (agreed == agreed_.end() || here_->stamp(name) != agreed->second.here)
            continue;  // it changed in this moment
        if (auto removed = tree::unlink_beneath(here_->directory(), name); !removed)
            return removed;
        agreed_.erase(agreed);
    }
    for (const auto& directory : emptied_directories(names, [](const std::string&) { return false; }))
        if (auto removed = tree::unlink_beneath(here_->directory(), directory + "/"); !removed)
            return removed;
    return {};
}

sdk::Result<void> TwoWaySync::receive(const std::vector<std::string>& names, const std::map<std::string, Sides>& sides,
                                      Synced& synced)
{
    if (names.empty())
        return {};
    const std::set<std::string> asked(names.begin(), names.end());
    std::set<std::string> refused;
    tree::UnpackOptions options;
    options.takes = [&](const std::string& name) { return asked.count(name) != 0; };
    options.may_replace = [&](const std::string& name) {
        const bool may = here_->stamp(name) == sides.at(name).here;
        if (!may)
            refused.insert(name);
        return may;
    };
    auto fetched = there_.fetch(names, [&](int in) -> sdk::Result<void> {
        auto unpacked = tree::unpack(in, here_->directory(), ".", options);
        return unpacked ? sdk::Result<void>() : std::move(unpacked).error();
    });
    if (!fetched)
        return fetched;
    constexpr std::int64_t second_ns = 1'000'000'000;
    for (const auto& name : names) {
        const auto now = tree::stamp_of(here_->directory(), name);
        // A time in whole seconds is that of what came; who wrote it here since has made it another one.
        if (!now || refused.count(name) != 0 || now->modified_ns % second_ns != 0)
            continue;
        agreed_[name] = {now, sides.at(name).there};
        synced.received.push_back(name);
    }
    return {};
}

sdk::Result<void> TwoWaySync::compare(const std::vector<std::string>& names, const std::map<std::string, Sides>& sides,
                                      Synced& synced)
{
    if (names.empty())
        return {};
    auto place = TemporaryDirectory::make();
    if (!place)
        return std::move(place).error();
    const std::set<std::string> asked(names.begin(), names.end());
    auto fetched = there_.fetch(names, [&](int in) -> sdk::Result<void> {
        auto directory = sdk::os::open_file(place->path(), O_RDONLY | O_DIRECTORY);
        if (!directory)
            return std::move(directory).error();
        tree::UnpackOptions options;
        options.takes = [&](const std::string& name) { return asked.count(name) != 0; };
        auto unpacked = tree::unpack(in, directory->get(), ".", options);
        return unpacked ? sdk::Result<void>() : std::move(unpacked).error();
    });
    if (!fetched)
        return fetched;
    for (const auto& name : names) {
        const Sides& side = sides.at(name);
        auto theirs = content_of(place->path() + "/" + name, *side.there);
        auto ours = content_of(here_->root() + "/" + name, *side.here);
        if (!theirs || !ours)
            continue;  // one of them changed or went meanwhile: that is another round's
        if (*ours == *theirs && (side.here->mode & 0777U) == (side.there->mode & 0777U) &&
            S_ISLNK(side.here->mode) == S_ISLNK(side.there->mode)) {
            agreed_[name] = {side.here, side.there};
            continue;
        }
        if (auto kept = keep_both(name, place->path() + "/" + name); !kept)
            return kept;
        conflicts_[name] = *side.there;
        synced.conflicts.push_back(name);
    }
    return {};
}

sdk::Result<void> TwoWaySync::keep_both(const std::string& name, const std::string& theirs)
{
    const std::string copy = here_->root() + "/" + name + conflict_ending;
    std::error_code problem;
    std::filesystem::remove(copy, problem);
    std::filesystem::copy(theirs, copy, std::filesystem::copy_options::copy_symlinks, problem);
    if (problem)
        return sdk::os_error("keep the vm's version of " + cli::quoted(name), problem.value());
    return {};
}

sdk::Result<std::vector<std::string>> TwoWaySync::send(const std::vector<std::string>& names, bool with_record)
{
    GuestTree::Delivery delivery{*here_, names, {}, {}, {}};
    delivery.on_file = [this](const std::string& name, const std::optional<tree::Stamp>& stamp) {
        if (stamp)
            agreed_[name] = {stamp, std::nullopt};
        else
            agreed_.erase(name);
    };
    delivery.on_changed = [this](const std::string& name) { agreed_[name].here->changed_ns = 0; };
    if (with_record)
        delivery.record = [this] {
            tree::Stamps stamps;
            for (const auto& [name, agreement] : agreed_)
                if (agreement.here)
                    stamps.emplace(name, *agreement.here);
            return stamps;
        };
    auto sent = there_.send(delivery);
    if (sent && (with_record || !sent->empty()))
        record_is_old_ = !with_record;
    return sent;
}

sdk::Result<int> TwoWaySync::go_on(const SyncListener& listener)
{
    const auto round = [&](const tree::Happened& here, const tree::Happened& there) { return some(here, there); };
    auto signal = follow(context_, {*here_, there_.watch(), round, listener});
    if (signal && record_is_old_)
        if (auto sent = send({}, true); !sent)
            return std::move(sent).error();
    return signal;
}

}  // namespace banger::workspace
