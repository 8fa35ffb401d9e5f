// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "core/daemon/service.hpp"
#include "core/guest/agent_client.hpp"

/// What methods that talk to a guest's agent have in common.
namespace banger::daemon {

/// The VM that a request names; the operation concerns it from then on.
sdk::Result<model::VmRecord> vm_in(Service& service, const std::shared_ptr<rpc::Exchange>& exchange,
                                   lifecycle::Operation& operation);

/// The agent of a VM that runs. `precondition` if it does not.
sdk::Result<std::shared_ptr<guest::AgentClient>> reach_agent(Service& service, const model::VmRecord& vm,
                                                             lifecycle::Operation& operation);

/// A stream to the agent: the caller gets one end of a socket pair, the loop moves bytes between the other and the guest.
sdk::Result<Answer> open_stream(Service& service, const model::VmRecord& vm, const std::string& path,
                                const std::string& spec, lifecycle::Operation& operation);

/// The command that a request describes: argv, tool, environment on top of the VM's, cwd, user, tty, cols, rows, term.
agent::ExecSpec exec_spec_in(const json::Value& params, const model::VmRecord& vm);

/// The size of the caller's terminal in a request; zeroes where it has none.
agent::WindowSize size_in(const json::Value& params);

}  // namespace banger::daemon
