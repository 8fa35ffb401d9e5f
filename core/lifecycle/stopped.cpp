// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stopped.hpp"

#include "core/lifecycle/guest_configuration.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/noted_attachments.hpp"
#include "core/lifecycle/start.hpp"
#include "core/model/disks.hpp"

namespace banger::lifecycle {

sdk::Result<void> check_stopped(Engine& engine, const model::VmRecord& vm, const std::string& done_to_it)
{
    if (auto whole = check_whole(vm); !whole)
        return whole;
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (live->alive)
        return sdk::make_error(
            sdk::Code::precondition, "vm '" + vm.name + "' is running, and is only " + done_to_it + " while stopped",
            "`banger vm stop " + vm.name + "` first, and `banger vm start " + vm.name + "` afterwards");
    return {};
}

sdk::Result<void> with_disks(Engine& engine, const model::VmRecord& vm, Operation& operation,
                             const std::function<sdk::Result<void>(const std::vector<sdk::Disk>& disks)>& use)
{
    auto storage = engine.registry.get<sdk::Storage>(vm.storage);
    if (!storage)
        return std::move(storage).error();
    auto image = engine.images.find(vm.image_id);
    if (!image)
        return std::move(image).error();
    auto journal = engine.journal_of(vm.id);
    if (!journal)
        return std::move(journal).error();
    if (auto left = journal->release_all(); !left.empty())
        return std::move(left.front()).while_doing("clear what an earlier start left");
    NotedAttachments attachments(*journal, operation);
    for (const auto& role : model::writable_disk_roles())
        if (auto planned = attachments.plan(**storage, disk_spec(engine, vm, *image, role)); !planned)
            return journal->fail(std::move(planned).error(), "attach " + role + " disk");
    if (auto noted = attachments.note_planned(); !noted)
        return journal->fail(std::move(noted).error(), "attach its disks");
    std::vector<sdk::Disk> disks;
    for (const auto& role : model::writable_disk_roles()) {
        auto attached = attachments.attach(**storage, disk_spec(engine, vm, *image, role));
        if (!attached)
            return journal->fail(std::move(attached).error(), "attach " + role + " disk");
        disks.push_back(std::move(attached->value));
    }
    if (auto noted = attachments.note_bound(); !noted)
        return journal->fail(std::move(noted).error(), "attach its disks");
    if (auto used = use(disks); !used)
        return journal->fail(std::move(used).error(), "use the disks");
    if (auto left = journal->release_all(); !left.empty())
        return std::move(left.front()).while_doing("let go of the disks");
    return {};
}

}  // namespace banger::lifecycle
