// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/port_publisher.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/lifecycle/facts.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {

PortPublisher::PortPublisher(boost::asio::io_context& loop, Service& service,
                             std::chrono::milliseconds patience_for_agent, forward::WantedPorts::Pauses pauses)
    : loop_(loop), service_(service), patience_for_agent_(patience_for_agent), wanted_(pauses), ports_(loop, service.places)
{
    ports_.on_heard([this](const std::string& vm) { wanted_.heard(vm); });
    ports_.on_lost([this](const std::string& vm) { try_later(vm, wanted_.lost(vm)); });
}

void PortPublisher::publish(const std::string& vm, const std::string& address)
{
    try_now(vm, wanted_.want(vm, address));
}

void PortPublisher::withdraw(const std::string& vm)
{
    wanted_.forget(vm);
    ports_.withdraw(vm);
}

void PortPublisher::hasten(const std::string& vm)
{
    if (const auto turn = wanted_.hasten(vm))
        try_now(vm, *turn);
}

void PortPublisher::try_now(const std::string& vm, Turn turn)
{
    service_.run_own("ports", [this, vm, turn](lifecycle::Operation& operation) -> sdk::Result<void> {
        if (!wanted_.begin(vm, turn))
            return {};
        const auto& agents = service_.engine().agents;
        const bool was_connected = agents.connected(vm) != nullptr;
        auto agent = find_agent(vm, operation);
        if (agent) {
            wanted_.found(vm, turn, [&](const std::string& address) { ports_.publish(vm, address, *agent); });
            return {};
        }
        if (agent.error().code == sdk::Code::unsupported) {  // a machine without an agent
            withdraw(vm);
            return {};
        }
        log::debug("ports of vm " + vm + ": " + agent.error().message);
        try_later(vm, wanted_.failed(vm, turn));
        if (!was_connected && agents.connected(vm) != nullptr)  // by somebody else, and told before this try was put off
            hasten(vm);
        return {};
    });
}

void PortPublisher::try_later(const std::string& vm, const std::optional<forward::WantedPorts::Later>& later)
{
    if (!later)
        return;
    boost::asio::post(loop_, [this, vm, later = *later] {
        const auto timer = std::make_shared<boost::asio::steady_timer>(loop_, later.pause);
        timer->async_wait([this, vm, timer, turn = later.turn](const boost::system::error_code& error) {
            // Else it was wanted anew, or tried, meanwhile.
            if (!error && wanted_.counts(vm, turn))
                try_now(vm, turn);
        });
    });
}

sdk::Result<std::shared_ptr<guest::AgentClient>> PortPublisher::find_agent(const std::string& vm,
                                                                           lifecycle::Operation& operation)
{
    auto& engine = service_.engine();
    auto record = engine.store.find_id(vm);
    if (!record)
        return std::move(record).error();
    // Nobody answers in one that stands.
    auto live = lifecycle::liveness_of(engine, *record);
    if (!live)
        return std::move(live).error();
    if (lifecycle::fact_is(live->facts, "paused", "true"))
        return sdk::make_error(sdk::Code::busy, "vm '" + record->name + "' is paused");
    return lifecycle::agent_of(engine, *record, operation, patience_for_agent_);
}

}  // namespace banger::daemon
