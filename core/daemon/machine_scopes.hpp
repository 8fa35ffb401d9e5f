// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/units/scopes.hpp"

namespace banger::daemon {

/// Scopes for machines from the first who makes them. Why nobody does is logged, once for each reason.
///
/// Threads: any.
class MachineScopes final : public units::Scopes {
public:
    explicit MachineScopes(std::vector<std::unique_ptr<units::Scopes>> makers) : makers_(std::move(makers)) {}
    /// Those of this daemon, by whose it is and where it runs: root asks systemd itself; others the root helper, which takes
    /// nothing out of services of root's. Where the user's own manager has started them it is that one: threads of KVM's stay
    /// where a VMM was started, and a manager that left some behind could not start again.
    [[nodiscard]] static std::vector<std::unique_ptr<units::Scopes>> makers_of(const std::string& instance,
                                                                                const std::string& vms_directory);

    /// The first maker's error, where there is none.
    [[nodiscard]] sdk::Result<std::string> probe(sdk::Call& call) override;
    [[nodiscard]] sdk::Result<std::string> start(const units::ScopeSpec& spec, sdk::Call& call) override;

private:
    void say_once(const std::string& reason);

    std::vector<std::unique_ptr<units::Scopes>> makers_;
    std::mutex mutex_;
    std::string said_;
};

}  // namespace banger::daemon
