// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/handles/journal.hpp"
#include "core/plugins/registry.hpp"

namespace banger::lifecycle {

/// Release, inspect and list of any handle, by asking the provider that its kind and name say.
class ProviderOperations : public handles::Operations {
public:
    explicit ProviderOperations(plugins::Registry& registry) : registry_(registry) {}

    sdk::Result<void> release(const sdk::Handle& handle) override;
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override;
    /// Asks every provider of a resource kind. One that cannot be asked is an error: what it holds is not known.
    sdk::Result<std::vector<sdk::Handle>> list() override;

private:
    plugins::Registry& registry_;
};

}  // namespace banger::lifecycle
