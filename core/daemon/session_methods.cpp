// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/daemon/guest_streams.hpp"
#include "core/model/timestamp.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using lifecycle::Operation;

constexpr std::chrono::seconds patience_for_sessions{20};
constexpr std::uint64_t default_stop_timeout_s = 10;
constexpr std::uint64_t most_stop_timeout_s = 3600;

json::Object session_json(const model::VmRecord& vm, const agent::SessionFacts& facts)
{
    json::Object object;
    object.set("name", facts.name).set("vm", vm.name).set("vm_id", vm.id);
    object.set("state", agent::to_string(facts.state)).set("argv", facts.argv).set("user", facts.user);
    object.set("cwd", facts.cwd).set("tty", facts.tty);
    if (facts.pid != 0)
        object.set("pid", facts.pid);
    else
        object.set_null("pid");
    object.set("started", model::rfc3339(facts.started_s));
    if (facts.ran_ms)
        object.set("ran_ms", *facts.ran_ms);
    else
        object.set_null("ran_ms");
    const bool ended = facts.state == agent::SessionFacts::State::ended;
    if (ended && facts.end.exit.signal == 0)
        object.set("exit_code", facts.end.exit.code);
    else
        object.set_null("exit_code");
    object.set("signal", ended && facts.end.exit.signal != 0 ? agent::signal_name(facts.end.exit.signal) : "");
    object.set("by_machine", ended && facts.end.by_machine);
    object.set("attached", facts.attached).set("viewers", facts.viewers);
    object.set("written_bytes", facts.written_bytes).set("dropped_bytes", facts.dropped_bytes);
    object.set("log_bytes", facts.log_bytes).set("log_problem", facts.log_problem);
    return object;
}

/// What every request about one session has.
struct Target {
    model::VmRecord vm;
    std::string name;
    std::shared_ptr<guest::AgentClient> agent;
};

sdk::Result<std::string> name_in(const Exchange& exchange)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (name)
        if (auto checked = agent::check_session_name(*name); !checked)
            return std::move(checked).error();
    return name;
}

sdk::Result<Target> target_of(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    auto name = name_in(exchange);
    if (!name)
        return std::move(name).error();
    auto agent = reach_agent(service, *vm, operation);
    if (!agent)
        return std::move(agent).error();
    return Target{std::move(*vm), std::move(*name), std::move(*agent)};
}

sdk::Result<Answer> answer_with(const model::VmRecord& vm, const sdk::Result<agent::SessionFacts>& facts)
{
    if (!facts)
        return facts.error();
    return Answer{session_json(vm, *facts), {}};
}

sdk::Result<Answer> session_start(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    const json::Value& params = exchange->params();
    agent::SessionSpec spec;
    spec.exec = exec_spec_in(params, *vm);
    spec.name = json::string_or(params, "name");
    if (!spec.name.empty())
        if (auto name = name_in(exchange); !name)
            return std::move(name).error();
    spec.require = json::find_strings(params, "require");
    spec.log_bytes = json::uint_or(params, "log_bytes");
    spec.now_s = model::unix_now();
    auto agent = reach_agent(service, *vm, operation);
    if (!agent)
        return std::move(agent).error();
    return answer_with(*vm,
                       (*agent)->start_session(spec, guest::Patience::of(patience_for_sessions, operation.token())));
}

sdk::Result<Answer> session_list(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    auto agent = reach_agent(service, *vm, operation);
    if (!agent)
        return std::move(agent).error();
    auto sessions = (*agent)->sessions({}, guest::Patience::of(patience_for_sessions, operation.token()));
    if (!sessions)
        return std::move(sessions).error();
    json::Array array;
    for (const auto& facts : *sessions)
        array.add(session_json(*vm, facts));
    Answer answer;
    answer.result.set("sessions", array);
    return answer;
}

sdk::Result<Answer> session_show(Service& service, const Exchange& exchange, Operation& operation)
{
    auto target = target_of(service, exchange, operation);
    if (!target)
        return std::move(target).error();
    auto sessions =
        target->agent->sessions(target->name, guest::Patience::of(patience_for_sessions, operation.token()));
    if (!sessions)
        return std::move(sessions).error();
    if (sessions->size() != 1)
        return sdk::make_error(sdk::Code::internal, "the guest's agent did not answer the question for a session");
    return Answer{session_json(target->vm, sessions->front()), {}};
}

sdk::Result<Answer> session_stop(Service& service, const Exchange& exchange, Operation& operation)
{
    auto target = target_of(service, exchange, operation);
    if (!target)
        return std::move(target).error();
    const std::chrono::seconds timeout(
        std::min(json::uint_or(exchange->params(), "timeout_s", default_stop_timeout_s), most_stop_timeout_s));
    agent::SessionOrder order;
    order.name = target->name;
    order.timeout_ms = std::chrono::milliseconds(timeout).count();
    return answer_with(target->vm, target->agent->stop_session(order, guest::Patience::of(timeout + patience_for_sessions,
                                                                                          operation.token())));
}

sdk::Result<Answer> session_kill(Service& service, const Exchange& exchange, Operation& operation)
{
    auto signal = agent::signal_number(json::string_or(exchange->params(), "signal", "KILL"));
    if (!signal)
        return std::move(signal).error();
    auto target = target_of(service, exchange, operation);
    if (!target)
        return std::move(target).error();
    agent::SessionOrder order;
    order.name = target->name;
    order.signal = *signal;
    return answer_with(target->vm, target->agent->signal_session(
                                       order, guest::Patience::of(patience_for_sessions, operation.token())));
}

sdk::Result<Answer> attach(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    auto name = name_in(exchange);
    if (!name)
        return std::move(name).error();
    const json::Value& params = exchange->params();
    auto how = agent::attach_way_of(json::string_or(params, "how"));
    if (!how)
        return std::move(how).error();
    agent::AttachSpec spec;
    spec.name = std::move(*name);
    spec.how = *how;
    spec.end_input = json::bool_or(params, "end_input");
    spec.steal = json::bool_or(params, "steal");
    spec.size = size_in(params);
    return open_stream(service, *vm, "/v0/session/attach", agent::to_json(spec), operation);
}

}  // namespace

Methods session_methods()
{
    return {{"vm.session.start", session_start}, {"vm.session.list", session_list}, {"vm.session.show", session_show},
            {"vm.session.stop", session_stop},   {"vm.session.kill", session_kill}, {"vm.session.attach", attach}};
}

}  // namespace banger::daemon
