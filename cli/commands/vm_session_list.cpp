// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "cli/commands/each_vm.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm_session.hpp"
#include "cli/render/session.hpp"

namespace banger::cli {
namespace {

sdk::Result<std::vector<std::string>> running_vms(Session& session)
{
    auto list = session.call("vm.list", json::Object());
    if (!list)
        return std::move(list).error();
    std::vector<std::string> running;
    if (const json::Value* vms = json::find(list->result, "vms"); vms != nullptr && vms->IsArray())
        for (const auto& vm : vms->GetArray())
            if (json::string_or(vm, "state") == "running")
                running.push_back(json::string_or(vm, "id"));
    return running;
}

}  // namespace

Syntax VmSessionList::syntax()
{
    Syntax syntax;
    syntax.path = "vm session list";
    syntax.summary = "the sessions there are";
    syntax.description =
        "Of the machines named, or of all that run: those that go on, and those that have ended and whose output is "
        "still kept. One is `lost` if its machine went off with it.";
    syntax.operands = {{"VM", Operand::Count::any}};
    syntax.examples = {
        {"banger vm session list", "of every machine"},
        {"banger vm session list -o json web | jq -r '.sessions[].name'", "for a script"}};
    return syntax;
}

sdk::Result<VmSessionList> VmSessionList::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmSessionList{std::move(*vms)};
}

sdk::Result<Exit> run(const VmSessionList& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto vms = verb.vms.empty() ? running_vms(**session) : sdk::Result<std::vector<std::string>>(verb.vms);
    if (!vms)
        return std::move(vms).error();
    std::vector<rpc::Request> requests(vms->size());
    for (std::size_t i = 0; i < vms->size(); ++i) {
        requests[i].method = "vm.session.list";
        requests[i].params.set("vm", (*vms)[i]);
    }
    std::vector<std::optional<sdk::Result<rpc::Reply>>> replies(vms->size());
    (*session)->call_all(requests, most_vms_at_a_time, [&](std::size_t which, sdk::Result<rpc::Reply> reply) {
        replies[which].emplace(std::move(reply));
    });
    json::Array all;
    bool failed = false;
    for (auto& reply : replies) {
        if (!*reply && (verb.vms.size() == 1 || reply->error().code == sdk::Code::cancelled))
            return std::move(*reply).error();
        // One that was stopped meanwhile, or has an agent without sessions, is no failure of a look at all of them.
        const bool expected = verb.vms.empty() && !*reply &&
                              (reply->error().code == sdk::Code::precondition ||
                               reply->error().code == sdk::Code::unsupported ||
                               reply->error().code == sdk::Code::not_found);
        if (!*reply && !expected) {
            context.report(reply->error());
            failed = true;
        }
        if (!*reply)
            continue;
        if (const json::Value* list = json::find((*reply)->result, "sessions"); list != nullptr && list->IsArray())
            for (const auto& one : list->GetArray())
                all.add(one);
    }
    json::Object result;
    result.set("sessions", all);
    auto shown = context.show(result.value(), [&] { return session_table(result.value(), context.columns()); });
    return shown && failed ? sdk::Result<Exit>(Exit(OwnExit::failed)) : std::move(shown);
}

}  // namespace banger::cli
