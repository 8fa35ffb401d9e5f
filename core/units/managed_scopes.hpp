// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "core/units/scopes.hpp"
#include "core/units/service_manager.hpp"

namespace banger::units {

/// Scopes of the service manager that this process may ask itself: ServiceManager.
class ManagedScopes final : public Scopes {
public:
    using StartScope = std::function<sdk::Result<void>(const TransientScope&)>;

    /// `start_scope` stands for the service manager in tests.
    explicit ManagedScopes(StartScope start_scope = {});

    [[nodiscard]] sdk::Result<std::string> probe(sdk::Call& call) override;
    /// No process is moved that is not the one meant: systemd goes by pids, so each is held while it does.
    [[nodiscard]] sdk::Result<std::string> start(const ScopeSpec& spec, sdk::Call& call) override;

private:
    StartScope start_scope_;
};

}  // namespace banger::units
