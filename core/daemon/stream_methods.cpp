// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "banger/sdk/os/file.hpp"
#include "core/daemon/service.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/client_key.hpp"
#include "core/lifecycle/console.hpp"
#include "core/lifecycle/guest_configuration.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/ssh_keys.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/log/log.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using lifecycle::Operation;

sdk::Result<model::VmRecord> vm_in(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = json::require_string(exchange->params(), "vm", "the request");
    if (!reference)
        return std::move(reference).error();
    auto vm = service.engine().store.find(*reference);
    if (vm)
        operation.concerns(vm->id);
    return vm;
}

// A stream to the agent: the caller gets one end of a socket pair, the loop moves bytes between the other and the guest.
sdk::Result<Answer> open_stream(Service& service, const model::VmRecord& vm, const std::string& path,
                                const std::string& spec, Operation& operation)
{
    if (auto started = lifecycle::check_guest_started(service.engine(), vm, operation); !started)
        return std::move(started).error();
    const auto span = operation.span("reach the agent");
    auto agent = lifecycle::agent_of(service.engine(), vm, operation);
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

std::uint16_t small(std::uint64_t number)
{
    return static_cast<std::uint16_t>(std::min<std::uint64_t>(number, UINT16_MAX));
}

sdk::Result<Answer> exec(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    const json::Value& params = exchange->params();
    agent::ExecSpec spec;
    spec.argv = json::find_strings(params, "argv");
    spec.tool = json::string_or(params, "tool");
    auto environment = vm->environment;
    for (const auto& [name, value] : json::find_fields(params, "environment"))
        environment[name] = value;
    spec.env.assign(environment.begin(), environment.end());
    spec.cwd = json::string_or(params, "cwd");
    spec.user = json::string_or(params, "user");
    spec.tty = json::bool_or(params, "tty");
    spec.columns = small(json::uint_or(params, "cols"));
    spec.rows = small(json::uint_or(params, "rows"));
    spec.term = json::string_or(params, "term");
    return open_stream(service, *vm, "/v0/exec", agent::to_json(spec), operation);
}

sdk::Result<Answer> connect(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    const auto port = json::uint_or(exchange->params(), "port");
    if (port == 0 || port > UINT16_MAX)
        return sdk::make_error(sdk::Code::invalid, "a port is a number from 1 to 65535");
    agent::ConnectSpec spec;
    spec.tcp_port = static_cast<std::uint16_t>(port);
    return open_stream(service, *vm, "/v0/connect", agent::to_json(spec), operation);
}

sdk::Result<Answer> logs(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    Answer answer;
    const std::string path = service.engine().owner_of(vm->id).directory + "/" + lifecycle::console_log;
    auto file = sdk::os::open_file(path, O_RDONLY);
    if (!file && file.error().code == sdk::Code::not_found)
        return sdk::make_error(sdk::Code::not_found, "vm '" + vm->name + "' has no console log: it never booted");
    if (!file)
        return std::move(file).error();
    answer.result.set("path", path);
    answer.descriptors.push_back(std::move(*file));
    return answer;
}

sdk::Result<Answer> ssh(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    auto& engine = service.engine();
    if (auto reachable = lifecycle::check_guest_started(engine, *vm, operation); !reachable)
        return std::move(reachable).error();
    auto live = lifecycle::liveness_of(engine, *vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive)
        return lifecycle::not_running(*vm);
    const auto facts = lifecycle::noted_facts(engine, *vm);
    Answer answer;
    answer.result.set("user", "root").set("identity", lifecycle::client_key_path(engine));
    answer.result.set("known_hosts", lifecycle::known_hosts_path(engine.owner_of(vm->id).directory));
    answer.result.set("host_alias", lifecycle::host_alias(vm->id)).set("has_sshd", facts && facts->has_sshd);
    return answer;
}

// For settings that name no VM. Made with the first VM, or here.
sdk::Result<Answer> ssh_key(Service& service, const Exchange&, Operation& operation)
{
    auto key = lifecycle::client_key(service.engine(), operation);
    if (!key)
        return std::move(key).error();
    Answer answer;
    answer.result.set("identity", *key);
    return answer;
}

}  // namespace

Methods stream_methods()
{
    return {{"vm.exec", exec}, {"vm.connect", connect}, {"vm.logs", logs}, {"vm.ssh", ssh}, {"ssh.key", ssh_key}};
}

}  // namespace banger::daemon
