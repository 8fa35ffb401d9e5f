// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/provisioner.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/operation.hpp"

namespace banger::lifecycle {

/// What provisioners see of a guest: its agent, for as long as the operation that provisions it goes on. Every call is
/// bounded, and ends when the operation is cancelled.
class AgentAccess final : public sdk::GuestAccess {
public:
    AgentAccess(std::shared_ptr<guest::AgentClient> agent, const Operation& operation)
        : agent_(std::move(agent)), operation_(operation)
    {
    }

    sdk::Result<sdk::GuestOutput> run(const sdk::GuestCommand& command) override;
    sdk::Result<void> write(const sdk::GuestFile& file) override;
    sdk::Result<void> put(const std::vector<sdk::GuestEntry>& entries) override;
    sdk::Result<std::string> read(const std::string& path, std::size_t most) override;

    /// Somebody changed the guest, or may have.
    [[nodiscard]] bool used() const { return used_; }

private:
    [[nodiscard]] guest::Patience patience() const;

    std::shared_ptr<guest::AgentClient> agent_;
    const Operation& operation_;
    bool used_ = false;
};

}  // namespace banger::lifecycle
