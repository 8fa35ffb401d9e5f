// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/liveness.hpp"

#include <poll.h>

#include "banger/sdk/os/process.hpp"
#include "core/lifecycle/facts.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {

sdk::Result<sdk::os::UniqueFd> watch_vmm(const sdk::Handle& vmm)
{
    const sdk::os::ProcessId id{number_in<pid_t>(vmm.bound, "pid").value_or(0),
                                number_in<std::uint64_t>(vmm.bound, "start_time").value_or(0)};
    if (id.pid <= 0)
        return sdk::make_error(sdk::Code::not_found, "the VMM of VM " + vmm.owner.vm + " has no process");
    return sdk::os::watch_process(id);
}

sdk::Result<Liveness> liveness_of(Engine& engine, const model::VmRecord& vm)
{
    const sdk::Owner owner = engine.owner_of(vm.id);
    auto journal = engine.journals.read(owner);
    sdk::Handle handle;
    bool noted = false;
    for (const auto& entry : journal.entries)
        if (entry.handle.kind == plugins::kind_of<sdk::Vmm>) {
            handle = entry.handle;
            noted = true;
        }
    if (noted) {
        auto inspected = engine.operations.inspect(handle);
        if (!inspected)
            return std::move(inspected).error();
        if (inspected->present) {
            for (const auto& [key, value] : inspected->facts)
                if (key == "pid" || key == "start_time")
                    handle.bound[key] = value;
            return Liveness{true, std::move(handle), std::move(inspected->facts)};
        }
        return Liveness{false, std::move(handle), {}};
    }
    if (journal.found == handles::Found::sound)
        return Liveness{};
    // The file is missing, torn or of an earlier boot: only the operating system knows.
    auto live = engine.operations.list_of(owner);
    if (!live)
        return std::move(live).error();
    for (auto& candidate : *live)
        if (candidate.kind == plugins::kind_of<sdk::Vmm>) {
            sdk::Fields facts = candidate.bound;
            return Liveness{true, std::move(candidate), std::move(facts)};
        }
    return Liveness{};
}

sdk::Result<void> wait_until_gone(const Liveness& live, std::chrono::milliseconds timeout, const Operation& operation)
{
    auto process = watch_vmm(live.vmm);
    if (!process && process.error().code == sdk::Code::not_found)
        return {};
    if (!process)
        return std::move(process).error();
    std::array<pollfd, 2> watch{{{process->get(), POLLIN, 0}, {operation.cancel_descriptor(), POLLIN, 0}}};
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        const int count = ::poll(watch.data(), watch.size(), static_cast<int>(std::max<long>(left.count(), 0)));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return sdk::os_error("wait for a VMM to end");
        if (count == 0)
            return sdk::make_error(sdk::Code::timed_out, "the VMM did not end in time");
        if (watch[0].revents != 0)
            return {};
        return operation.check();
    }
}

}  // namespace banger::lifecycle
