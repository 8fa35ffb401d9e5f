// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/two_way.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "cli/text.hpp"
#include "cli/workspace/follow.hpp"
#include "cli/workspace/prepare.hpp"
#include "guest/tree/beneath.hpp"
#include "guest/tree/unpacker.hpp"

namespace banger::workspace {
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
    auto conflicts = there_.read_conflicts();
    if (!conflicts)
        return std::move(conflicts).error();
    conflicts_.remember(std::move(*conflicts));
    if (!here_->repository().is_git || !there_.keeps_record())
        return sdk::make_error(sdk::Code::precondition, "--two-way is for a repository here and its checkout there",
                               "without one nobody knows which files are to be left out");
    return {};
}

/// What is not here was agreed on by the guest's record alone. If git would not consider it, it may go there as well, but
/// does not come.
sdk::Result<void> TwoWaySync::forget_agreements_of_others(const std::set<std::string>& listed, const tree::Stamps& there)
{
    std::map<std::string, Sides> gone;
    for (const auto& [name, agreement] : agreed_)
        if (const auto found = there.find(name); listed.count(name) == 0 && found != there.end())
            gone[name] = {std::nullopt, found->second};
    const auto back = plan_two_way(agreed_, gone).receive;
    if (back.empty())
        return {};
    auto yes = here_->considered({back.begin(), back.end()});
    if (!yes)
        return interrupted(context_, std::move(yes).error());
    for (const auto& name : back)
        if (yes->count(name) == 0)
            agreed_.erase(name);
    return {};
}

/// The guest can write any name into its record, and what is settled goes there, ignored or not: only a conflict of a file
/// that counts is one.
sdk::Result<void> TwoWaySync::forget_conflicts_of_others(const std::set<std::string>& listed)
{
    std::set<std::string> ours;
    std::set<std::string> unknown;
    for (const auto& [name, there] : conflicts_.all()) {
        const auto below = listed.lower_bound(name + "/");
        const bool is_directory = below != listed.end() && below->starts_with(name + "/");
        (is_directory || listed.count(name) != 0 ? ours : unknown).insert(name);
    }
    if (unknown.empty())
        return {};
    auto yes = here_->considered(unknown);
    if (!yes)
        return interrupted(context_, std::move(yes).error());
    ours.merge(*yes);
    conflicts_.retain(ours);
    return {};
}

/// A conflict's copy stands for its file. What is in conflict stays out; what no longer is counts as changed here, be it
/// that it was removed.
void TwoWaySync::settle_conflicts(std::set<std::string>& candidates)
{
    std::set<std::string> settled;
    for (const auto& candidate : candidates)
        if (const auto name = name_behind_copy(candidate); may_come(name) && !Conflicts::is_open(*here_, name))
            settled.insert(name);
    for (const auto& [name, there] : conflicts_.take_settled(*here_)) {
        agreed_[name] = {tree::Stamp{}, there == tree::Stamp{} ? std::nullopt : std::optional(there)};
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

/// Directories that git has no interest in may have more in them than all the rest: nobody looks into them.
sdk::Result<std::set<std::string>> TwoWaySync::enter(const std::set<std::string>& directories)
{
    std::set<std::string> entered;
    std::set<std::string> unknown;
    for (const auto& name : directories)
        if (const auto below = agreed_.lower_bound(name + "/");
            below != agreed_.end() && below->first.starts_with(name + "/"))
            entered.insert(name);
        else if (may_come(name) && !options_.tracked_only)
            unknown.insert(name);
    if (!unknown.empty()) {
        auto more = here_->entered(unknown);
        if (!more)
            return interrupted(context_, std::move(more).error());
        entered.merge(*more);
    }
    entered_.insert(entered.begin(), entered.end());
    return entered;
}

/// All files there that may count, level by level.
sdk::Result<tree::Stamps> TwoWaySync::survey()
{
    tree::Stamps files;
    for (std::vector<std::string> level{"."}; !level.empty();) {
        auto listed = there_.list(level);
        if (!listed)
            return std::move(listed).error();
        std::set<std::string> directories;
        for (auto& [name, stamp] : *listed)
            if (S_ISDIR(stamp.mode))
                directories.insert(name);
            else
                files.emplace(name, stamp);
        auto entered = enter(directories);
        if (!entered)
            return std::move(entered).error();
        level.assign(entered->begin(), entered->end());
    }
    return files;
}

std::string TwoWaySync::news_for_watch()
{
    std::string news;
    for (const auto& name : entered_)
        if (watched_.insert(name).second)
            news.append(name).push_back('\0');
    return news;
}

sdk::Result<Synced> TwoWaySync::all()
{
    auto listed = here_->names();
    if (!listed)
        return interrupted(context_, std::move(listed).error());
    auto there = survey();
    if (!there)
        return std::move(there).error();
    std::erase_if(agreed_, [&](const auto& agreed) {
        return listed->count(agreed.first) == 0 && here_->stamp(agreed.first);  // ignored from now on
    });
    if (auto done = forget_agreements_of_others(*listed, *there); !done)
        return std::move(done).error();
    std::set<std::string> candidates;
    for (const auto& [name, agreement] : agreed_)
        candidates.insert(name);
    for (const auto& [name, stamp] : *there)
        if (listed->count(name) == 0)
            candidates.insert(name);
    if (auto done = forget_conflicts_of_others(*listed); !done)
        return std::move(done).error();
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
    if (auto done = leave_out_what_git_ignores(candidates); !done && done.error().code == sdk::Code::precondition)
        return all();  // git could not say it of one of them: they changed again meanwhile
    else if (!done)
        return std::move(done).error();
    if (candidates.empty())
        return Synced();
    auto now = there_.scan({candidates.begin(), candidates.end()});
    if (!now)
        return std::move(now).error();
    std::set<std::string> directories;
    for (auto at = now->begin(); at != now->end();)
        if (S_ISDIR(at->second.mode)) {
            directories.insert(at->first);
            at = now->erase(at);
        } else {
            ++at;
        }
    if (auto entered = enter(directories); !entered)  // what is in them is told once they are watched
        return std::move(entered).error();
    return round(std::move(candidates), *now);
}

sdk::Result<Synced> TwoWaySync::round(std::set<std::string> candidates, const tree::Stamps& there)
{
    std::map<std::string, Sides> sides;
    for (const auto& name : candidates) {
        const auto found = there.find(name);
        const auto here = here_->stamp(name);
        if (!here && here_->is_out_of_sight(name)) {
            context_.note("workspace: cannot read " + cli::quoted(name) + " here: it stays on both sides");
            continue;
        }
        sides[name] = {here, found == there.end() ? std::nullopt : std::optional(found->second)};
    }
    auto plan = plan_two_way(agreed_, sides);
    auto collisions = take_collisions(plan);
    Synced synced;
    for (const auto& name : plan.forget)
        agreed_.erase(name);
    if (auto done = remove_there(plan.remove_there, sides, synced); !done)
        return std::move(done).error();
    if (auto done = remove_here(plan.remove_here); !done)
        return std::move(done).error();
    plan.receive.erase(std::remove_if(plan.receive.begin(), plan.receive.end(),
                                      [&](const std::string& name) {
                                          const std::string root = in_the_way_here(name);
                                          if (!root.empty())
                                              collisions[root].push_back(name);
                                          return !root.empty();
                                      }),
                       plan.receive.end());
    if (auto done = compare(plan.compare, sides, synced); !done)
        return std::move(done).error();
    if (auto done = keep_apart(collisions, sides, synced); !done)
        return std::move(done).error();
    if (auto done = receive(plan.receive, sides, synced); !done)
        return std::move(done).error();
    bool names_differ = conflicts_.take_changed() || !plan.forget.empty() || !plan.remove_there.empty() || !plan.remove_here.empty() ||
                        !synced.received.empty();
    for (const auto& name : plan.send)
        names_differ = names_differ || agreed_.count(name) == 0;
    auto sent = send(plan.send, sides, names_differ);
    if (!sent)
        return std::move(sent).error();
    synced.sent = std::move(*sent);
    synced.removed_here = std::move(plan.remove_here);
    return synced;
}

sdk::Result<void> TwoWaySync::remove_there(const std::vector<std::string>& names,
                                           const std::map<std::string, Sides>& sides, Synced& synced)
{
    tree::Stamps expected;
    for (const auto& name : names)
        expected.emplace(name, *sides.at(name).there);
    const auto is_here = [this](const std::string& name) { return here_->is_directory(name); };
    auto stayed = there_.unlink_unchanged(expected, emptied_directories(names, is_here));
    if (!stayed)
        return std::move(stayed).error();
    for (const auto& name : names)
        if (stayed->count(name) != 0) {
            stays_there(name, agreed_.at(name));
        } else {
            agreed_.erase(name);
            synced.removed.push_back(name);
        }
    return {};
}

/// It changed in this moment: what was agreed on before counts on, and the next round sees both changes.
void TwoWaySync::stays_there(const std::string& name, Agreement agreement)
{
    if (agreement.here || agreement.there)
        agreed_[name] = std::move(agreement);
    else
        agreed_.erase(name);
    context_.note("workspace: " + cli::quoted(name) + " changed in the vm in this moment, or something is in its way there: it "
                  "stays as it is");
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

/// The name of a directory that stays where a file is to come, or of something else on the way to it.
std::string TwoWaySync::in_the_way_here(const std::string& name) const
{
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
        if (here_->stamp(name.substr(0, slash)))
            return name.substr(0, slash);
    return here_->is_directory(name) ? name : std::string();
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
    options.on_in_the_way = [&](const std::string& name) { refused.insert(name); };
    auto fetched = there_.fetch(names, [&](int in) -> sdk::Result<void> {
        tree::DescriptorInput stream(in);
        auto unpacked = tree::unpack(stream, here_->directory(), ".", options);
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

sdk::Result<std::vector<std::string>> TwoWaySync::send(const std::vector<std::string>& names,
                                                       const std::map<std::string, Sides>& sides, bool with_record)
{
    Agreements before;
    tree::Stamps expected;
    for (const auto& name : names) {
        const auto agreed = agreed_.find(name);
        before[name] = agreed == agreed_.end() ? Agreement{} : agreed->second;
        expected.emplace(name, sides.at(name).there.value_or(tree::Stamp{}));
    }
    GuestTree::Delivery delivery{*here_, names, {}, {}, std::move(expected), {}, {}, conflicts_.all()};
    delivery.on_file = [this](const std::string& name, const std::optional<tree::Stamp>& stamp) {
        if (stamp)
            agreed_[name] = {stamp, std::nullopt};
        else
            agreed_.erase(name);
    };
    delivery.on_changed = [this](const std::string& name) { agreed_[name].here->changed_ns = 0; };
    bool record_is_wrong = false;
    delivery.on_stayed = [&](const std::string& name) {
        stays_there(name, before.at(name));
        record_is_wrong = with_record;
    };
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
    if (sent && record_is_wrong)
        if (auto corrected = send({}, {}, true); !corrected)
            return std::move(corrected).error();
    return sent;
}

sdk::Result<int> TwoWaySync::go_on(const SyncListener& listener)
{
    const auto round = [&](const tree::Happened& here, const tree::Happened& there) { return some(here, there); };
    auto signal = follow(context_, {*here_, there_.watch(), round, listener, [this] { return news_for_watch(); },
                                    [this] { watched_.clear(); }});
    if (signal && record_is_old_)
        if (auto sent = send({}, {}, true); !sent)
            return std::move(sent).error();
    return signal;
}

}  // namespace banger::workspace
