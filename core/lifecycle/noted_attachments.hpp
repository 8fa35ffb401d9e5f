// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "core/handles/journal.hpp"
#include "core/lifecycle/operation.hpp"

namespace banger::lifecycle {

/// What a VM is given, noted in its journal before any of it exists, and again with what was bound of it. Plan all that belongs
/// together, note, attach each, note: somebody waits for each note, which is synced. On error the journal names what may exist:
/// the caller rolls back. A `Provider` is any of the SDK's resource interfaces; they share these verbs.
class NotedAttachments {
public:
    NotedAttachments(handles::HandleJournal& journal, Operation& operation) : journal_(journal), operation_(operation) {}

    /// What an attach with this spec would make; there is nothing of it yet.
    template <typename Provider, typename Spec>
    sdk::Result<void> plan(Provider& provider, const Spec& spec)
    {
        if (auto wanted = operation_.check(); !wanted)
            return wanted;
        auto planned = provider.plan(spec);
        if (!planned)
            return std::move(planned).error();
        std::move(planned->begin(), planned->end(), std::back_inserter(planned_));
        return {};
    }

    sdk::Result<void> note_planned() { return journal_.note_all_planned(planned_); }

    /// What was planned with this spec, and noted.
    template <typename Provider, typename Spec>
    auto attach(Provider& provider, const Spec& spec) -> decltype(provider.attach(spec, std::declval<Operation&>()))
    {
        if (auto wanted = operation_.check(); !wanted)
            return std::move(wanted).error();
        auto attached = provider.attach(spec, operation_);
        if (attached && was_planned(attached->handle))
            bound_.push_back(attached->handle);
        return attached;
    }

    sdk::Result<void> note_bound() { return journal_.note_all_bound(bound_); }

    /// Not what a provider planned nothing of: that holds nothing in the kernel, and its handle needs no undoing.
    [[nodiscard]] bool was_planned(const sdk::Handle& handle) const
    {
        return std::any_of(planned_.begin(), planned_.end(), [&](const sdk::Handle& planned) {
            return planned.kind == handle.kind && planned.key == handle.key;
        });
    }

private:
    handles::HandleJournal& journal_;
    Operation& operation_;
    std::vector<sdk::Handle> planned_;
    std::vector<sdk::Handle> bound_;
};

}  // namespace banger::lifecycle
