// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/guest/agent_client.hpp"
#include "tests/unit/guest/relay_peer.hpp"

namespace banger::guest {

/// The real agent as a process on this host, and a loop for its clients.
class ServingAgent : public testing::Test {
protected:
    ServingAgent();
    ~ServingAgent() override;

    std::shared_ptr<AgentClient> open(sdk::os::UniqueFd channel);
    std::shared_ptr<AgentClient> connect() { return open(dial()); }
    sdk::os::UniqueFd dial();
    static Patience patience() { return Patience::of(std::chrono::seconds(30)); }
    static agent::ExecSpec command(std::vector<std::string> argv);
    /// Runs `sh -c script` on a client of its own.
    RunResult shell(const std::string& script, std::string input = {});
    std::string path(const std::string& name) const { return (directory_ / name).string(); }
    /// With all that it ran, as when a machine goes off; with another signal when it has ended by that.
    void kill_agent(int number = SIGKILL);
    pid_t agent_pid() const { return agent_->id().pid; }
    /// Once more, after kill_agent.
    void start_agent();

    sdk::testing::TemporaryDirectory temporary_;
    const std::filesystem::path directory_ = temporary_.path();
    agent::Token token_{};
    boost::asio::io_context loop_;

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::optional<sdk::os::Child> agent_;
    std::thread thread_;
};

/// A serial port between clients that come and go and one agent: it has no connections and forgets nothing.
class SerialPort {
public:
    explicit SerialPort(sdk::os::UniqueFd agent);
    ~SerialPort();

    /// The next client's end. What is under way for the one before stays under way.
    sdk::os::UniqueFd plug_in();

private:
    void carry_to_agent(int client);
    void carry_to_clients();

    sdk::os::UniqueFd agent_;
    std::atomic<int> client_{-1};
    std::vector<sdk::os::UniqueFd> ends_;
    std::thread to_agent_;
    std::thread to_clients_;  // last: it uses all of the above
};

}  // namespace banger::guest
