// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "banger/sdk/os/file.hpp"
#include "core/daemon/guest_streams.hpp"
#include "core/lifecycle/client_key.hpp"
#include "core/lifecycle/console.hpp"
#include "core/lifecycle/guest_configuration.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/ssh_keys.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using lifecycle::Operation;

sdk::Result<Answer> exec(Service& service, const Exchange& exchange, Operation& operation)
{
    auto vm = vm_in(service, exchange, operation);
    if (!vm)
        return std::move(vm).error();
    const auto spec = exec_spec_in(exchange->params(), *vm);
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
    answer.result.set("guest_init", facts ? facts->init : std::string());
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
