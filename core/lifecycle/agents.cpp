// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/agents.hpp"

#include <algorithm>

#include "core/base/call_context.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/room.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
sdk::Result<std::shared_ptr<guest::AgentClient>> Agents::connect(const std::string& vm, const std::string& token,
                                                                 const OpenChannel& open,
                                                                 std::chrono::milliseconds patience,
                                                                 Operation& operation)
{
    auto turn = connecting_.lock(vm, "the agent is being connected", &operation);
    if (!turn)
        return std::move(turn).error();
    if (auto known = connected(vm))
        return known;
    auto secret = agent::token_from_hex(token);
    if (!secret)
        return std::move(secret).error();
    const auto limits = guest::Patience::of(patience, operation.token());
    base::CallContext call(limits.stop, {}, limits.deadline);
    for (auto wait = first_wait_;; wait *= 2) {
        auto channel = open(call);
        if (!channel && channel.error().code == sdk::Code::cancelled && !operation.cancelled())
            return sdk::make_error(sdk::Code::timed_out, "nobody in the guest opened the channel to its agent in time");
        if (!channel)
            return std::move(channel).error();
        auto client = guest::AgentClient::open(loop_, std::move(*channel), *secret);
        if (on_stream)
            client->watch_relays([watch = on_stream, vm](bool opens) { watch(vm, opens); });
        const auto until = std::min(limits.deadline, std::chrono::steady_clock::now() + wait);
        auto answered = client->wait_connected({until, limits.stop});
        if (answered) {
            (*clients_.lock())[vm] = client;
            if (on_connected)
                on_connected(vm);
            return client;
        }
        if (answered.error().code != sdk::Code::timed_out || until == limits.deadline)
            return std::move(answered).error();
    }
}

std::shared_ptr<guest::AgentClient> Agents::connected(const std::string& vm) const
{
    const auto clients = clients_.lock();
    const auto known = clients->find(vm);
    return known != clients->end() && known->second->alive() ? known->second : nullptr;
}

void Agents::drop(const std::string& vm)
{
    std::shared_ptr<guest::AgentClient> last;  // ends outside the lock
    auto clients = clients_.lock();
    if (const auto known = clients->find(vm); known != clients->end()) {
        last = std::move(known->second);
        clients->erase(known);
    }
}

void Agents::drop_if_mute(const std::string& vm, const guest::Patience& patience)
{
    if (const auto agent = connected(vm); agent && !agent->health(patience))
        drop(vm);
}

std::size_t Agents::open_streams(const std::string& vm) const
{
    const auto clients = clients_.lock();
    const auto known = clients->find(vm);
    return known == clients->end() ? 0 : known->second->open_streams();
}

std::size_t Agents::open_streams() const
{
    std::size_t count = 0;
    const auto clients = clients_.lock();
    for (const auto& [vm, client] : *clients)
        count += client->open_streams();
    return count;
}

sdk::Result<void> check_guest_started(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    const auto holder = engine.vm_locks.holder(vm.id);
    if (!holder || !(holder->doing.ends_with("created") || holder->doing.ends_with("started")))
        return {};
    if (const auto agent = engine.agents.connected(vm.id)) {
        constexpr std::chrono::seconds patience{10};
        auto health = agent->health(guest::Patience::of(patience, operation.token()));
        auto facts = health ? json::parse_object(*health, "the guest's health") : std::move(health).error();
        if (facts && !json::string_or(*facts, "init").empty())
            return {};  // only its services are still coming up
    }
    return sdk::make_error(sdk::Code::precondition, base::described(*holder),
                           "`banger vm show " + vm.name + "` says when it is running");
}

sdk::Error not_running(const model::VmRecord& vm)
{
    return sdk::make_error(sdk::Code::precondition, "vm '" + vm.name + "' is not running",
                           "`banger vm start " + vm.name + "` starts it");
}

namespace {

/// A VMM that ends closes its sockets first: who is refused there meets one that is about to be gone.
constexpr std::chrono::seconds patience_for_its_end{1};

}  // namespace

sdk::Result<std::shared_ptr<guest::AgentClient>> agent_of(Engine& engine, const model::VmRecord& vm,
                                                          Operation& operation, std::chrono::milliseconds patience)
{
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive)
        return not_running(vm);
    if (engine.standing.has(vm.id))
        return waits_for_room(vm);
    auto vmm = engine.registry.get<sdk::Vmm>(vm.vmm);
    if (!vmm)
        return std::move(vmm).error();
    auto agent = engine.agents.connect(
        vm.id, vm.agent_token, [&](sdk::Call& call) { return (*vmm)->open_channel(live->vmm, call); }, patience,
        operation);
    if (agent)
        return agent;
    if (agent.error().code == sdk::Code::unavailable && wait_until_gone(*live, patience_for_its_end, operation))
        return not_running(vm);
    return std::move(agent).error().while_doing("reach the agent of vm '" + vm.name + "'");
}

}  // namespace banger::lifecycle
