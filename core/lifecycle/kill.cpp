// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <csignal>

#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::chrono::seconds patience_for_death{10};

// Names as kill(1) takes them, with or without SIG, and numbers.
sdk::Result<int> signal_of(const std::string& text)
{
    std::string name = text;
    for (char& letter : name)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    if (name.starts_with("SIG"))
        name.erase(0, 3);
    for (int number = 1; number < NSIG; ++number)
        if (const char* known = ::sigabbrev_np(number); known != nullptr && name == known)
            return number;
    int number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && number > 0 && number < NSIG)
        return number;
    return sdk::make_error(sdk::Code::invalid, "there is no signal '" + text + "'", "use a name such as KILL or TERM");
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
    if (*number != SIGKILL && *number != SIGTERM)
        return std::move(vm);
    operation.commit();
    if (auto gone = wait_until_gone(*live, patience_for_death, operation); !gone)
        return std::move(gone).error().while_doing("kill vm '" + vm.name + "'");
    if (auto settled = settle_stopped(engine, vm, operation); !settled)
        return std::move(settled).error();
    return std::move(vm);
}

}  // namespace banger::lifecycle
