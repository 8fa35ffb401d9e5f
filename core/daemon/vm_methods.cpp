// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/base/nearest.hpp"
#include "core/daemon/service.hpp"
#include "core/daemon/session_end.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using lifecycle::Operation;

constexpr std::uint64_t most_stop_seconds = 3600;

sdk::Result<std::string> vm_in(const Exchange& exchange)
{
    auto vm = json::require_string(exchange->params(), "vm", "the request");
    if (vm && vm->empty())
        return sdk::make_error(sdk::Code::invalid, "the name of a vm is missing");
    return vm;
}

sdk::Result<Answer> viewed(Service& service, sdk::Result<model::VmRecord> vm)
{
    if (!vm)
        return std::move(vm).error();
    return Answer{lifecycle::view_of(service.engine(), *vm), {}};
}

// A misspelt member would be a wish that nobody hears.
sdk::Result<void> refuse_unknown(const json::Value& params)
{
    auto known = model::spec_members();
    known.emplace_back("start");
    for (const auto& member : params.GetObject()) {
        const std::string name = member.name.GetString();
        if (std::find(known.begin(), known.end(), name) == known.end())
            return sdk::make_error(sdk::Code::invalid, "a spec has no member '" + name + "'",
                                   base::suggestion(name, known));
    }
    return {};
}

json::Object spec_event(const model::VmRecord& vm)
{
    json::Object spec;
    spec.set("name", vm.name).set("image", vm.image).set("vcpus", vm.vcpus);
    spec.set("memory_mib", vm.memory_mib).set("disk_bytes", vm.disk_bytes);
    return spec;
}

// The VM's life ends with the connection that asked for it, also when that client was killed.
void delete_with(Service& service, const Exchange& exchange, const std::string& id)
{
    exchange->on_disconnect([&service, id] { delete_for_session(service, id); });
}

sdk::Result<Answer> create(Service& service, const Exchange& exchange, Operation& operation)
{
    if (auto known = refuse_unknown(exchange->params()); !known)
        return std::move(known).error();
    auto spec = model::spec_from_json(exchange->params());
    if (!spec)
        return std::move(spec).error();
    lifecycle::CreateOptions options;
    options.start = json::bool_or(exchange->params(), "start", true);
    options.on_spec = [&](const model::VmRecord& vm) { exchange->notify("spec", spec_event(vm).value()); };
    auto vm = lifecycle::create_vm(service.engine(), *spec, options, operation);
    if (vm && vm->removal == model::Removal::with_session)
        delete_with(service, exchange, vm->id);
    return viewed(service, std::move(vm));
}

sdk::Result<Answer> start(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    return viewed(service, lifecycle::start_vm(service.engine(), *reference, operation));
}

sdk::Result<std::chrono::seconds> timeout_in(const Exchange& exchange)
{
    const auto seconds = json::uint_or(exchange->params(), "timeout_s", lifecycle::default_stop_patience.count());
    if (seconds > most_stop_seconds)
        return sdk::make_error(sdk::Code::invalid, "a timeout is at most " + std::to_string(most_stop_seconds) +
                                                       " seconds");
    return std::chrono::seconds(seconds);
}

sdk::Result<Answer> stop(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    auto timeout = timeout_in(exchange);
    if (!timeout)
        return std::move(timeout).error();
    return viewed(service, lifecycle::stop_vm(service.engine(), *reference, *timeout, operation));
}

sdk::Result<Answer> restart(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    auto timeout = timeout_in(exchange);
    if (!timeout)
        return std::move(timeout).error();
    auto restarted = lifecycle::restart_vm(service.engine(), *reference, *timeout, operation);
    if (!restarted)
        return std::move(restarted).error();
    Answer answer{lifecycle::view_of(service.engine(), restarted->vm), {}};
    answer.result.set("was_running", restarted->was_running);
    return answer;
}

sdk::Result<Answer> set(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    const json::Value& params = exchange->params();
    lifecycle::Change change;
    for (const auto& [key, into] : {std::pair{"vcpus", &change.vcpus},
                                    {"memory_mib", &change.memory_mib},
                                    {"disk_bytes", &change.disk_bytes}}) {
        *into = json::find_uint(params, key);
        if (json::find(params, key) != nullptr && !*into)
            return sdk::make_error(sdk::Code::invalid, std::string(key) + " is not a whole number of at least 0");
    }
    return viewed(service, lifecycle::set_vm(service.engine(), *reference, change, operation));
}

sdk::Result<Answer> kill(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    return viewed(service, lifecycle::kill_vm(service.engine(), *reference,
                                              json::string_or(exchange->params(), "signal", "KILL"), operation));
}

sdk::Result<Answer> remove(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    lifecycle::DeleteOptions options;
    options.only_stopped = json::bool_or(exchange->params(), "only_stopped");
    options.not_started_since = json::find_int(exchange->params(), "not_started_since");
    auto vm = lifecycle::delete_vm(service.engine(), *reference, options, operation);
    if (!vm)
        return std::move(vm).error();
    json::Object result;
    result.set("id", vm->id).set("name", vm->name);
    return Answer{std::move(result), {}};
}

sdk::Result<Answer> list(Service& service, const Exchange&, Operation&)
{
    auto records = service.engine().store.list();
    if (!records)
        return std::move(records).error();
    json::Array vms;
    for (const auto& vm : *records)
        vms.add(lifecycle::view_of(service.engine(), vm));
    json::Object result;
    result.set("vms", vms);
    return Answer{std::move(result), {}};
}

sdk::Result<Answer> show(Service& service, const Exchange& exchange, Operation&)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    auto vm = service.engine().store.find(*reference);
    if (!vm)
        return std::move(vm).error();
    return Answer{lifecycle::view_of(service.engine(), *vm, json::bool_or(exchange->params(), "handles")), {}};
}

// A look that is answered whole by the engine.
template <sdk::Result<json::Object> (*look)(lifecycle::Engine&, const std::string&, Operation&)>
sdk::Result<Answer> looked(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = vm_in(exchange);
    if (!reference)
        return std::move(reference).error();
    auto result = look(service.engine(), *reference, operation);
    if (!result)
        return std::move(result).error();
    return Answer{std::move(*result), {}};
}

sdk::Result<Answer> recover(Service& service, const Exchange& exchange, Operation& operation)
{
    auto recovered =
        lifecycle::recover(service.engine(), json::bool_or(exchange->params(), "replace_database"), operation);
    if (!recovered)
        return std::move(recovered).error();
    json::Array vms;
    for (const auto& vm : recovered->vms)
        vms.add(lifecycle::view_of(service.engine(), vm));
    json::Array skipped;
    for (const auto& one : recovered->skipped) {
        json::Object entry;
        entry.set("path", one.path).set("reason", one.reason);
        skipped.add(entry);
    }
    json::Object result;
    result.set("recovered", vms).set("skipped", skipped).set("database_moved_to", recovered->database_moved_to);
    return Answer{std::move(result), {}};
}

}  // namespace

Methods vm_methods()
{
    return {{"vm.create", create},
            {"vm.start", start},
            {"vm.stop", stop},
            {"vm.restart", restart},
            {"vm.set", set},
            {"vm.kill", kill},
            {"vm.delete", remove},
            {"vm.list", list},
            {"vm.show", show},
            {"vm.stats", looked<lifecycle::stats_of>},
            {"vm.health", looked<lifecycle::health_of>},
            {"vm.recover", recover}};
}

}  // namespace banger::daemon
