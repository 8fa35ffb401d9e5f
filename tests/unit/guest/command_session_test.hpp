// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "guest/protocol/session_messages.hpp"
#include "serving_agent.hpp"

namespace banger::guest {

/// Sessions as a client of the real agent sees them, over a socket.
class CommandSessionTest : public ServingAgent {
protected:
    using How = agent::AttachSpec::How;

    static agent::SessionSpec spec(std::vector<std::string> argv, const std::string& name = {})
    {
        agent::SessionSpec spec;
        spec.exec = command(std::move(argv));
        spec.name = name;
        spec.now_s = 1'000'000'000;
        return spec;
    }
    static agent::SessionSpec script(const std::string& text, const std::string& name)
    {
        return spec({"/bin/sh", "-c", text}, name);
    }
    agent::SessionFacts start(AgentClient& client, const agent::SessionSpec& wanted)
    {
        auto facts = client.start_session(wanted, patience());
        EXPECT_TRUE(facts) << facts.error().message;
        return facts ? *facts : agent::SessionFacts();
    }
    static agent::SessionFacts facts_of(AgentClient& client, const std::string& name)
    {
        auto facts = client.sessions(name, patience());
        EXPECT_TRUE(facts) << facts.error().message;
        return facts && facts->size() == 1 ? facts->front() : agent::SessionFacts();
    }
    static std::string attach(const std::string& name, How how, bool end_input = false)
    {
        agent::AttachSpec spec;
        spec.name = name;
        spec.how = how;
        spec.end_input = end_input;
        return to_json(spec);
    }
    static std::string steal(const std::string& name)
    {
        agent::AttachSpec spec;
        spec.name = name;
        spec.how = How::control;
        spec.steal = true;
        return to_json(spec);
    }
    static void send(AgentClient& client, const std::string& name, const std::string& text, bool end_input = false)
    {
        RelayPeer peer(client, "/v0/session/attach", attach(name, How::send, end_input));
        peer.send(agent::FrameType::data, text);
        peer.send(agent::FrameType::eof);
        EXPECT_TRUE(peer.wait_for(agent::FrameType::done));
    }
    static std::string read(AgentClient& client, const std::string& name)
    {
        RelayPeer peer(client, "/v0/session/attach", attach(name, How::read));
        EXPECT_TRUE(peer.wait_for(agent::FrameType::done));
        return peer.output;
    }
    static agent::SessionOrder order(const std::string& name, int signal, std::chrono::milliseconds timeout = {})
    {
        agent::SessionOrder order;
        order.name = name;
        order.signal = signal;
        order.timeout_ms = timeout.count();
        return order;
    }
};

}  // namespace banger::guest
