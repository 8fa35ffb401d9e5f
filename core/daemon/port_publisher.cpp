// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/port_publisher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {
namespace {

constexpr std::chrono::seconds patience_for_agent{5};
constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{15000};

}  // namespace

PortPublisher::PortPublisher(boost::asio::io_context& loop, Service& service)
    : loop_(loop), service_(service), ports_(loop)
{
    ports_.on_lost([this](const std::string& vm) { try_later(vm); });
}

void PortPublisher::publish(const std::string& vm, const std::string& address)
{
    (*wanted_.lock())[vm] = {address, std::chrono::milliseconds(0)};
    try_now(vm);
}

void PortPublisher::withdraw(const std::string& vm)
{
    wanted_.lock()->erase(vm);
    ports_.withdraw(vm);
}

void PortPublisher::try_now(const std::string& vm)
{
    service_.run_own("ports", [this, vm](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto connected = connect(vm, operation);
        if (connected)
            return connected;
        if (connected.error().code == sdk::Code::unsupported) {  // a machine without an agent
            withdraw(vm);
            return {};
        }
        log::debug("ports of vm " + vm + ": " + connected.error().message);
        try_later(vm);
        return {};
    });
}

void PortPublisher::try_later(const std::string& vm)
{
    std::chrono::milliseconds pause{0};
    {
        const auto wanted = wanted_.lock();
        const auto known = wanted->find(vm);
        if (known == wanted->end())
            return;
        pause = known->second.pause = std::clamp(known->second.pause * 2, first_pause, longest_pause);
    }
    boost::asio::post(loop_, [this, vm, pause] {
        const auto timer = std::make_shared<boost::asio::steady_timer>(loop_, pause);
        timer->async_wait([this, vm, timer](const boost::system::error_code& error) {
            if (!error)
                try_now(vm);
        });
    });
}

sdk::Result<void> PortPublisher::connect(const std::string& vm, lifecycle::Operation& operation)
{
    std::string address;
    {
        const auto wanted = wanted_.lock();
        const auto known = wanted->find(vm);
        if (known == wanted->end())
            return {};
        address = known->second.address;
    }
    auto& engine = service_.engine();
    auto record = engine.store.find_id(vm);
    if (!record)
        return std::move(record).error();
    // Nobody answers in one that stands, and who gives up there leaves a greeting behind that the next one's follows.
    auto live = lifecycle::liveness_of(engine, *record);
    if (!live)
        return std::move(live).error();
    if (const auto paused = live->facts.find("paused"); paused != live->facts.end() && paused->second == "true")
        return sdk::make_error(sdk::Code::busy, "vm '" + record->name + "' is paused");
    auto agent = lifecycle::agent_of(engine, *record, operation, patience_for_agent);
    if (!agent)
        return std::move(agent).error();
    auto wanted = wanted_.lock();
    const auto known = wanted->find(vm);
    if (known == wanted->end())
        return {};
    known->second.pause = std::chrono::milliseconds(0);
    ports_.publish(vm, address, *agent);
    return {};
}

}  // namespace banger::daemon
