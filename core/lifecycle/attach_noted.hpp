// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/handles/journal.hpp"
#include "core/lifecycle/operation.hpp"

namespace banger::lifecycle {

/// Plan, note, attach, note what was bound. On error the journal still names what may exist: the caller rolls back.
/// `Provider` is any of the SDK's resource interfaces; they share these verbs.
template <typename Provider, typename Spec>
auto attach_noted(Provider& provider, const Spec& spec, handles::HandleJournal& journal, Operation& operation)
    -> decltype(provider.attach(spec, operation))
{
    if (auto wanted = operation.check(); !wanted)
        return std::move(wanted).error();
    auto planned = provider.plan(spec);
    if (!planned)
        return std::move(planned).error();
    for (const auto& handle : *planned)
        if (auto noted = journal.note_planned(handle); !noted)
            return std::move(noted).error();
    auto attached = provider.attach(spec, operation);
    // A provider that planned nothing holds nothing in the kernel, and its handle needs no undoing.
    if (attached && !planned->empty())
        if (auto noted = journal.note_bound(attached->handle); !noted)
            return std::move(noted).error();
    return attached;
}

}  // namespace banger::lifecycle
