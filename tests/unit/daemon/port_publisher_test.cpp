// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/port_publisher.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <memory>

#include "banger/sdk/os/socket.hpp"
#include "core/lifecycle/operation.hpp"
#include "service_world.hpp"
#include "serving_agent.hpp"

namespace banger::daemon {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::chrono::milliseconds patience_for_agent{50};

/// The real agent, as a process of this host.
class AgentProcess : public guest::ServingAgent {
public:
    void TestBody() override {}
    using guest::ServingAgent::dial;
    using guest::ServingAgent::kill_agent;
    static std::string token()
    {
        std::string hex;
        for (std::size_t i = 0; i < agent::Token().size(); ++i)
            hex += "74";
        return hex;
    }
};

/// The fake machine's own channel has nobody at its other end: an agent is there as soon as somebody has connected with it.
class PortPublisherTest : public ServiceWorld {
protected:
    PortPublisherTest() : publisher_(std::make_unique<PortPublisher>(loop_, *service_, patience_for_agent))
    {
        engine_->agents.on_connected = [this](const std::string& vm) { publisher_->hasten(vm); };
        vm_ = add("aabbccddee01", "fake", "fake");
        vm_.agent_token = AgentProcess::token();
        EXPECT_TRUE(store_->update(vm_));
        address_ = *engine_->addresses.claim(vm_.id);
        listener_ = std::move(*sdk::os::listen_tcp("127.0.0.1", 0));
    }
    ~PortPublisherTest() override { shut_down(); }

    void start_agent()
    {
        agent_ = std::make_unique<AgentProcess>();
        lifecycle::Operation operation("test", nullptr);
        const auto connected = engine_->agents.connect(
            vm_.id, AgentProcess::token(),
            [this](sdk::Call&) -> sdk::Result<sdk::os::UniqueFd> { return agent_->dial(); }, patience, operation);
        ASSERT_TRUE(connected) << connected.error().message;
    }
    /// Until the tries that were to be made by now are over: both workers that make them are here.
    void wait_for_tries() const
    {
        const auto both = std::make_shared<std::latch>(2);
        for (int i = 0; i < 2; ++i)
            service_->run_own("ports", [both](lifecycle::Operation&) {
                both->arrive_and_wait();
                return sdk::Result<void>();
            });
        both->wait();
    }
    [[nodiscard]] bool is_published() const
    {
        return publisher_->ports_of(vm_.id).contains(sdk::os::port_of(listener_.get()));
    }
    [[nodiscard]] bool wait_until(bool published) const
    {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (is_published() != published && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        return is_published() == published;
    }

    std::unique_ptr<PortPublisher> publisher_;
    std::unique_ptr<AgentProcess> agent_;
    model::VmRecord vm_;
    std::string address_;
    sdk::os::UniqueFd listener_;
};

TEST_F(PortPublisherTest, PortsAreThereUntilTheyAreWithdrawn)
{
    run_machine(*engine_, vm_);
    start_agent();
    publisher_->publish(vm_.id, address_);
    EXPECT_TRUE(wait_until(true));
    publisher_->withdraw(vm_.id);
    publisher_->withdraw(vm_.id);
    EXPECT_TRUE(wait_until(false));
}

TEST_F(PortPublisherTest, AnAgentThatIsNotThereYetIsFoundWhenItIs)
{
    publisher_->publish(vm_.id, address_);  // not even the machine is
    run_machine(*engine_, vm_);
    start_agent();
    EXPECT_TRUE(wait_until(true));
}

TEST_F(PortPublisherTest, AnAgentThatWasLostIsFoundAgain)
{
    run_machine(*engine_, vm_);
    start_agent();
    publisher_->publish(vm_.id, address_);
    ASSERT_TRUE(wait_until(true));
    agent_->kill_agent();
    ASSERT_TRUE(wait_until(false));
    start_agent();
    EXPECT_TRUE(wait_until(true));
}

TEST_F(PortPublisherTest, AnAgentThatAnswersSomebodyIsFoundAtOnce)
{
    constexpr std::chrono::minutes long_away{10};
    publisher_ = std::make_unique<PortPublisher>(loop_, *service_, patience_for_agent,
                                                 forward::WantedPorts::Pauses{long_away, long_away});
    run_machine(*engine_, vm_);
    publisher_->publish(vm_.id, address_);
    wait_for_tries();  // nobody answered: the next try is far away
    start_agent();
    EXPECT_TRUE(wait_until(true));
}

}  // namespace
}  // namespace banger::daemon
