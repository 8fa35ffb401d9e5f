// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/commands/each_vm.hpp"
#include "cli/commands/vm.hpp"
#include "cli/prompt.hpp"
#include "cli/render/vm.hpp"
#include "core/base/durations.hpp"
#include "core/model/timestamp.hpp"

namespace banger::cli {
namespace {

/// Machines that are to go.
struct Victims {
    json::Array vms;
    std::vector<std::string> ids;
};

std::int64_t limit_of(const VmPrune& verb)
{
    return model::unix_now() - std::chrono::floor<std::chrono::seconds>(*verb.stale).count();
}

// RFC 3339 in UTC, as the daemon writes it, sorts as the times do.
bool is_stale(const json::Value& vm, const std::string& limit)
{
    return std::max(json::string_or(vm, "started"), json::string_or(vm, "created")) < limit;
}

sdk::Result<Victims> find_victims(const VmPrune& verb, Session& session)
{
    auto list = session.call("vm.list", json::Object());
    if (!list)
        return std::move(list).error();
    const std::string limit = verb.stale ? model::rfc3339(limit_of(verb)) : std::string();
    Victims victims;
    if (const json::Value* vms = json::find(list->result, "vms"); vms != nullptr && vms->IsArray())
        for (const auto& vm : vms->GetArray()) {
            if (json::string_or(vm, "state") != "stopped" || (verb.stale && !is_stale(vm, limit)))
                continue;
            victims.vms.add(vm);
            victims.ids.push_back(json::string_or(vm, "id"));
        }
    return victims;
}

sdk::Result<bool> agreed(const Victims& victims, const json::Value& list, Context& context)
{
    context.note("these are stopped, and would be deleted with their disks:");
    std::string table = prune_table(list, context.error_columns());
    table.pop_back();  // the note ends its line itself
    context.progress().say(table);
    return ask(context, victims.ids.size() == 1 ? "delete it?"
                                                : "delete these " + std::to_string(victims.ids.size()) + "?");
}

}  // namespace

Syntax VmPrune::syntax()
{
    Syntax syntax;
    syntax.path = "vm prune";
    syntax.summary = "delete stopped machines and their disks";
    syntax.description =
        "Lists them and asks; without a terminal to ask on it refuses, unless --force is given. A machine that runs or "
        "is being started is never deleted.";
    syntax.options = {{"stale", 0, "AGE", "only those not started for that long, such as 12h or 30d", {}, false},
                      {"force", 'f', "", "do not ask", {}, false},
                      {"dry-run", 'n', "", "only list them", {}, false}};
    syntax.examples = {{"banger vm prune", "lists them, and asks"},
                       {"banger vm prune --stale 30d --dry-run", "what nobody has started for a month"},
                       {"banger vm prune -f --stale 7d", "in a script"}};
    return syntax;
}

sdk::Result<VmPrune> VmPrune::parse(const Arguments& arguments)
{
    VmPrune verb;
    verb.force = arguments.has("force");
    verb.dry_run = arguments.has("dry-run");
    if (const auto text = arguments.value("stale")) {
        auto age = base::parse_duration("--stale", *text);
        if (!age)
            return std::move(age).error();
        verb.stale = *age;
    }
    return verb;
}

sdk::Result<Exit> run(const VmPrune& verb, Context& context)
{
    if (!verb.force && !verb.dry_run && !can_ask())
        return sdk::make_error(sdk::Code::precondition, "there is no terminal to ask on",
                               "`banger vm prune --force` does not ask, `banger vm prune --dry-run` only lists");
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto victims = find_victims(verb, **session);
    if (!victims)
        return std::move(victims).error();
    json::Object list;
    list.set("vms", victims->vms);
    if (verb.dry_run)
        return context.show(list.value(), [&] { return prune_table(list.value(), context.columns()); });
    if (victims->ids.empty()) {
        context.note("there is nothing to delete");
        return Exit(OwnExit::done);
    }
    if (!verb.force) {
        auto yes = agreed(*victims, list.value(), context);
        if (!yes)
            return std::move(yes).error();
        if (!*yes)
            return Exit(OwnExit::failed);
    }
    // Under the machine's lock the daemon looks once more: somebody may have started it meanwhile.
    const auto add_conditions = [&](json::Object& params) {
        params.set("only_stopped", true);
        if (verb.stale)
            params.set("not_started_since", limit_of(verb));
    };
    return for_each_vm(context, victims->ids, {"vm.delete", add_conditions, always("is deleted"), nullptr});
}

}  // namespace banger::cli
