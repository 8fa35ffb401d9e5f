// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <ctime>

#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/model/disks.hpp"
#include "core/model/timestamp.hpp"

namespace banger::lifecycle {
namespace {

// While an operation is under way its name is the state; the clause ends in what is being done.
std::optional<std::string> state_in_transition(const std::string& doing)
{
    for (const auto& [ending, state] : {std::pair{"created", "creating"}, {"started", "starting"},
                                        {"stopped", "stopping"}, {"deleted", "deleting"}, {"killed", "stopping"}})
        if (doing.ends_with(ending))
            return state;
    return std::nullopt;
}

json::Array disks_of(const model::VmRecord& vm)
{
    json::Array disks;
    for (const auto& role : model::writable_disk_roles()) {
        json::Object disk;
        disk.set("role", role).set("format", vm.disk_format.substr(vm.disk_format.find(':') + 1));
        disk.set("bytes", vm.disk_bytes);
        disks.add(disk);
    }
    return disks;
}

json::Array handles_of(const handles::JournalText& journal)
{
    json::Array list;
    for (const auto& entry : journal.entries) {
        json::Object handle;
        handle.set("kind", entry.handle.kind).set("provider", entry.handle.provider).set("key", entry.handle.key);
        handle.set("state", entry.bound ? "bound" : "planned").set("bound", entry.handle.bound);
        list.add(handle);
    }
    return list;
}

// What a VM that does not run still holds.
std::vector<std::string> leftovers_of(const handles::JournalText& journal)
{
    std::vector<std::string> left;
    for (const auto& entry : journal.entries)
        left.push_back(entry.handle.kind + " " + entry.handle.provider + " " + entry.handle.key);
    return left;
}

}  // namespace

json::Object view_of(Engine& engine, const model::VmRecord& vm, bool with_handles)
{
    const auto journal = engine.journals.read(engine.owner_of(vm.id));
    const auto holder = engine.vm_locks.holder(vm.id);
    const bool in_teardown = engine.in_teardown.has(vm.id);  // which is nothing to wait for, but for who needs the VM
    const auto transition = holder ? state_in_transition(holder->doing) : std::nullopt;
    auto live = liveness_of(engine, vm);
    const bool alive = live && live->alive;
    const auto fact = [&](const std::string& name) {
        return alive && live->facts.contains(name) ? live->facts.at(name) : std::string();
    };
    // Also one that stands because a disk of the host is full, and not only one that somebody stopped.
    const std::string state = !live ? "unknown" : !alive ? "stopped" : fact("paused") == "true" ? "paused" : "running";

    json::Object view;
    view.set("id", vm.id).set("name", vm.name);
    view.set("state", transition.value_or(state));
    view.set("desired", model::to_string(vm.desired)).set("image", vm.image).set("kernel", vm.kernel);
    view.set("vcpus", vm.vcpus).set("memory_mib", vm.memory_mib).set("disk_bytes", vm.disk_bytes);
    view.set("egress", sdk::to_string(vm.egress)).set("init", model::to_string(vm.init));
    view.set("removal", model::to_string(vm.removal)).set("created", model::rfc3339(vm.created));
    const auto last_used = engine.usage.last_used(vm.id);
    view.set("started", vm.started > 0 ? model::rfc3339(vm.started) : "");
    view.set("last_used", last_used > 0 ? model::rfc3339(last_used) : "");
    view.set("paused_for", alive && engine.standing.has(vm.id) ? "room on the host's disk" : "");
    json::Object providers;
    providers.set("vmm", vm.vmm).set("storage", vm.storage).set("network", vm.network);
    view.set("providers", providers);
    std::string address;
    for (const auto& entry : journal.entries)
        if (const auto bound = entry.handle.bound.find("address"); bound != entry.handle.bound.end())
            address = bound->second;
    view.set("address", alive ? address : "");
    std::uint64_t pid = 0;
    if (alive)
        if (const auto text = live->vmm.bound.find("pid"); text != live->vmm.bound.end())
            std::from_chars(text->second.data(), text->second.data() + text->second.size(), pid);
    if (pid != 0)
        view.set("pid", pid);
    else
        view.set_null("pid");
    view.set("accelerator", fact("accelerator")).set("jail", fact("jail"));
    view.set("disks", disks_of(vm));
    std::vector<std::string> leftovers = alive || transition || in_teardown ? std::vector<std::string>() : leftovers_of(journal);
    if (!live)
        leftovers.insert(leftovers.begin(), live.error().message);
    view.set("leftovers", leftovers);
    view.set("busy", holder && !in_teardown ? holder->doing : std::string());
    if (with_handles)
        view.set("handles", handles_of(journal));
    return view;
}

}  // namespace banger::lifecycle
