// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "core/units/scopes.hpp"

namespace banger::daemon {

enum class ScopeMaker { nobody, manager, helper };

/// Who makes scopes for machines of a daemon's, by whose it is and the control group that it is in: root asks systemd itself;
/// others the root helper, which takes nothing out of services of root's. Where the user's own manager has started them it is
/// that one: threads of KVM's stay where a VMM was started, and a manager that left some behind could not start again.
[[nodiscard]] ScopeMaker scope_maker_of(uid_t user, std::string_view group);

/// Scopes for machines. Why there are none is logged, once for each code of an error: what it says may name a process.
///
/// Threads: any.
class MachineScopes final : public units::Scopes {
public:
    /// Null: nobody makes them.
    explicit MachineScopes(std::unique_ptr<units::Scopes> maker) : maker_(std::move(maker)) {}
    /// That of this daemon.
    [[nodiscard]] static std::unique_ptr<units::Scopes> maker_of(const std::string& instance, const std::string& vms_directory);

    [[nodiscard]] sdk::Result<std::string> probe(sdk::Call& call) override;
    [[nodiscard]] sdk::Result<std::string> start(const units::ScopeSpec& spec, sdk::Call& call) override;

private:
    void say_once(const sdk::Error& error);

    std::unique_ptr<units::Scopes> maker_;
    std::mutex mutex_;
    std::set<sdk::Code> said_;
};

}  // namespace banger::daemon
