// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/sync.hpp"

#include <algorithm>

#include "cli/text.hpp"
#include "cli/workspace/follow.hpp"
#include "cli/workspace/prepare.hpp"

namespace banger::workspace {

sdk::Result<void> Sync::begin()
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
    agreed_ = std::move(*record);
    return {};
}

sdk::Result<Synced> Sync::all()
{
    auto names = here_->names();
    if (!names)
        return interrupted(context_, std::move(names).error());
    return carry_out(plan_all(agreed_, *names, [this](const std::string& name) { return here_->stamp(name); }));
}

sdk::Result<Synced> Sync::some(const tree::Happened& happened)
{
    if (happened.everything) {
        if (auto watched = here_->watch(); !watched)
            return interrupted(context_, std::move(watched).error());
        return all();
    }
    std::set<std::string> unknown;
    for (const auto& name : happened.names)
        if (agreed_.count(name) == 0 && (here_->stamp(name) || here_->is_directory(name)))
            unknown.insert(name);
    auto goes = unknown.empty() ? std::set<std::string>() : here_->considered(unknown);
    if (!goes && goes.error().code == sdk::Code::precondition)
        return all();  // git could not say it of one of them: they changed again meanwhile
    if (!goes)
        return interrupted(context_, std::move(goes).error());
    return carry_out(
        plan_some(agreed_, happened.names, *goes, [this](const std::string& name) { return here_->stamp(name); }));
}

sdk::Result<Synced> Sync::carry_out(SyncPlan plan)
{
    const auto hidden = std::stable_partition(plan.remove.begin(), plan.remove.end(),
                                              [this](const std::string& name) { return !here_->is_out_of_sight(name); });
    for (auto name = hidden; name != plan.remove.end(); ++name)
        context_.note("workspace: cannot read " + cli::quoted(*name) + " here: the vm's stays");
    plan.remove.erase(hidden, plan.remove.end());
    if (auto removed = remove(plan.remove); !removed)
        return std::move(removed).error();
    bool names_differ = !plan.remove.empty() || !plan.forget.empty();
    for (const auto* names : {&plan.remove, &plan.forget})
        for (const auto& name : *names)
            agreed_.erase(name);
    for (const auto& name : plan.send)
        names_differ = names_differ || agreed_.count(name) == 0;
    // The record is as long as the list of files. Which names there are must be right even if we are killed; a file that
    // goes once more does no harm.
    auto sent = send(plan.send, names_differ);
    if (!sent)
        return std::move(sent).error();
    Synced synced;
    synced.sent = std::move(*sent);
    synced.removed = plan.remove;
    return synced;
}

sdk::Result<void> Sync::remove(const std::vector<std::string>& names)
{
    const auto is_here = [this](const std::string& name) { return here_->is_directory(name); };
    return there_.unlink(names, emptied_directories(names, is_here));
}

sdk::Result<std::vector<std::string>> Sync::send(const std::vector<std::string>& names, bool with_record)
{
    GuestTree::Delivery delivery{*here_, names, {}, {}, {}, {}, {}, {}};
    delivery.on_file = [this](const std::string& name, const std::optional<tree::Stamp>& stamp) {
        if (stamp)
            agreed_[name] = *stamp;
        else
            agreed_.erase(name);
    };
    // There will be an event, or another round, and it must then look changed.
    delivery.on_changed = [this](const std::string& name) { agreed_[name].changed_ns = 0; };
    if (with_record)
        delivery.record = [this] { return agreed_; };
    auto sent = there_.send(delivery);
    if (sent && (with_record || !sent->empty()))
        record_is_old_ = !with_record;
    return sent;
}

sdk::Result<int> Sync::go_on(const SyncListener& listener)
{
    const auto round = [&](const tree::Happened& here, const tree::Happened& /*there*/) { return some(here); };
    auto signal = follow(context_, {*here_, there_.hold(), round, listener, {}, {}});
    // What changed in files that the guest knows already was not worth a whole record each time.
    if (signal && record_is_old_)
        if (auto sent = send({}, true); !sent)
            return std::move(sent).error();
    return signal;
}

}  // namespace banger::workspace
