// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/adopt.hpp"

#include <algorithm>

#include "core/lifecycle/facts.hpp"
#include "core/lifecycle/look.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/lifecycle/room.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {
namespace {

// One that runs may still be stopped by a save that nobody waits for any more, and one that did not answer may stand.
bool goes_on_by_itself(const sdk::Fields& facts)
{
    return fact_is(facts, "paused", "false") && !fact_is(facts, "saving", "true");
}

sdk::Result<void> let_go_on(Engine& engine, const model::VmRecord& vm, const Liveness& live)
{
    if (goes_on_by_itself(live.facts))
        return {};
    auto power = power_to_pause(engine, vm);
    if (!power)
        return std::move(power).error();
    if (*power == nullptr)
        return {};
    auto resumed = (*power)->resume(live.vmm);
    return resumed ? resumed : std::move(resumed).error().while_doing("make the machine go on");
}

// Nobody writes down the layers of those that are frozen: docs/decisions/0011-snapshot-and-fork.md.
sdk::Result<void> end_freezes(handles::HandleJournal& journal)
{
    const auto entries = journal.entries();
    sdk::Result<void> ended;
    for (const auto& entry : entries)
        if (entry.handle.kind == plugins::kind_of<sdk::StorageFork>)
            if (auto released = journal.release(entry.handle); !released && ended)
                ended = std::move(released).error().while_doing("end the freeze of disk '" + entry.handle.key + "'");
    return ended;
}

}  // namespace

sdk::Result<void> adopt(Engine& engine, const model::VmRecord& vm, const Liveness& live, sdk::Call& call)
{
    auto journal = engine.journal_of(vm.id);
    if (!journal)
        return std::move(journal).error();
    // Also writes a journal that was missing or torn, filled from the live objects.
    if (auto noted = journal->note_bound(live.vmm); !noted)
        return noted;
    engine.watch_exit(vm.id, live.vmm);
    // The machine first: while it stands after a save, it may have let go of the files that it will write to.
    // One that may still stand keeps its freezes for the next daemon: ending them would seal what it goes on writing to.
    if (auto woken = let_go_on(engine, vm, live); !woken)
        return woken;
    auto ended = end_freezes(*journal);
    auto reached = vm.desired == model::Desired::running ? open_reach(engine, vm, call) : sdk::Result<void>();
    return ended ? reached : ended;
}

}  // namespace banger::lifecycle
