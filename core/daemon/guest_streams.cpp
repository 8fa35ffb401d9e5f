// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/guest_streams.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "core/lifecycle/verbs.hpp"
#include "core/log/log.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::daemon {
namespace {

std::uint16_t small(std::uint64_t number)
{
    return static_cast<std::uint16_t>(std::min<std::uint64_t>(number, UINT16_MAX));
}

}  // namespace

sdk::Result<model::VmRecord> vm_in(Service& service, const std::shared_ptr<rpc::Exchange>& exchange,
                                   lifecycle::Operation& operation)
{
    auto reference = json::require_string(exchange->params(), "vm", "the request");
    if (!reference)
        return std::move(reference).error();
    auto vm = service.engine().store.find(*reference);
    if (vm)
        operation.concerns(vm->id);
    return vm;
}

sdk::Result<std::shared_ptr<guest::AgentClient>> reach_agent(Service& service, const model::VmRecord& vm,
                                                             lifecycle::Operation& operation)
{
    if (auto started = lifecycle::check_guest_started(service.engine(), vm, operation); !started)
        return std::move(started).error();
    const auto span = operation.span("reach the agent");
    return lifecycle::agent_of(service.engine(), vm, operation);
}

sdk::Result<Answer> open_stream(Service& service, const model::VmRecord& vm, const std::string& path,
                                const std::string& spec, lifecycle::Operation& operation)
{
    auto agent = reach_agent(service, vm, operation);
    if (!agent)
        return std::move(agent).error();
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return sdk::os_error("make a socket pair");
    sdk::os::UniqueFd ours(ends[0]);
    Answer answer;
    answer.descriptors.emplace_back(ends[1]);
    std::string head;
    agent::write_frame(head, agent::FrameType::spec, spec);
    (*agent)->relay(path, std::move(head), std::move(ours), [name = vm.name, path](const sdk::Result<void>& done) {
        if (!done)
            log::debug("stream " + path + " of vm '" + name + "': " + done.error().message);
    });
    return answer;
}

agent::WindowSize size_in(const json::Value& params)
{
    return {small(json::uint_or(params, "cols")), small(json::uint_or(params, "rows"))};
}

agent::ExecSpec exec_spec_in(const json::Value& params, const model::VmRecord& vm)
{
    agent::ExecSpec spec;
    spec.argv = json::find_strings(params, "argv");
    spec.tool = json::string_or(params, "tool");
    auto environment = vm.environment;
    for (const auto& [name, value] : json::find_fields(params, "environment"))
        environment[name] = value;
    spec.env.assign(environment.begin(), environment.end());
    spec.cwd = json::string_or(params, "cwd");
    spec.user = json::string_or(params, "user");
    spec.tty = json::bool_or(params, "tty");
    const auto size = size_in(params);
    spec.columns = size.columns;
    spec.rows = size.rows;
    spec.term = json::string_or(params, "term");
    return spec;
}

}  // namespace banger::daemon
