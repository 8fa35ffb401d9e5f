// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::chrono::seconds patience_for_death{10};

// What a machine is cut off with: each ends a VMM that looks after itself, and one that does not.
sdk::Result<int> signal_of(const std::string& name)
{
    for (const int number : {SIGKILL, SIGTERM, SIGINT, SIGQUIT, SIGHUP})
        if (name == ::sigabbrev_np(number))
            return number;
    return sdk::make_error(sdk::Code::invalid, "a machine is not killed with the signal '" + name + "'",
                           "use KILL, TERM, INT, QUIT or HUP");
}

}  // namespace

sdk::Result<model::VmRecord> kill_vm(Engine& engine, const std::string& reference, const std::string& signal,
                                     Operation& operation)
{
    auto number = signal_of(signal);
    if (!number)
        return std::move(number).error();
    auto locked = find_and_lock(engine, reference, "killed", operation);
    if (!locked)
        return std::move(locked).error();
    model::VmRecord& vm = locked->record;
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive)
        return sdk::make_error(sdk::Code::precondition, "vm '" + vm.name + "' is not running");
    auto vmm = engine.registry.get<sdk::Vmm>(vm.vmm);
    if (!vmm)
        return std::move(vmm).error();
    if (auto sent = (*vmm)->kill(live->vmm, *number); !sent)
        return std::move(sent).error().while_doing("kill vm '" + vm.name + "'");
    operation.commit();
    if (auto gone = wait_until_gone(*live, patience_for_death, operation); !gone)
        return std::move(gone).error().while_doing("kill vm '" + vm.name + "'");
    if (auto settled = settle_machine(engine, vm, operation); !settled)
        return leave_rest(engine, std::move(*locked), std::move(settled).error());
    model::VmRecord killed = vm;
    if (auto left = leave_to_teardown(engine, std::move(*locked), operation); !left)
        return std::move(left).error();
    return killed;
}

}  // namespace banger::lifecycle
