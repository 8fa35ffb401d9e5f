// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "core/config/config.hpp"
#include "core/handles/journal.hpp"
#include "core/plugins/registry.hpp"
#include "core/store/vm_store.hpp"

namespace banger::lifecycle {

/// Release, inspect and list of any handle, by asking the provider that its kind and name say.
class ProviderOperations : public handles::Operations {
public:
    ProviderOperations(plugins::Registry& registry, store::VmStore& store, const config::Backends& selected,
                       std::string vms_directory)
        : registry_(registry), store_(store), selected_(selected), vms_directory_(std::move(vms_directory))
    {
    }

    sdk::Result<void> release(const sdk::Handle& handle) override;
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override;
    /// Asks those of a resource kind that the configuration selects or a record or journal names, and the usual ones, which
    /// may have been picked for a VM whose record is lost. Only of the former it is said that they could not be asked.
    handles::Listing list(sdk::Call* call) override;
    sdk::Result<std::vector<sdk::Handle>> list_of(const sdk::Owner& owner) override;

private:
    using Names = std::set<plugins::CapabilityName>;

    void add_named_by(const model::VmRecord& vm, Names& names) const;
    void add_storage(const std::string& name, Names& names) const;
    void add_named_by(const handles::JournalText& journal, Names& names) const;
    [[nodiscard]] Names named() const;
    handles::Listing ask(const Names& in_use, sdk::Call* call);

    plugins::Registry& registry_;
    store::VmStore& store_;
    const config::Backends& selected_;
    std::string vms_directory_;
};

}  // namespace banger::lifecycle
