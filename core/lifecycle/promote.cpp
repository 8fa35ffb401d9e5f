// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/client_key.hpp"
#include "core/lifecycle/stopped.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

// What its machines are unless told otherwise: as this one is.
images::ImageChoices choices_after(const model::VmRecord& vm, images::ImageChoices choices)
{
    if (choices.name.empty())
        choices.name = "local/" + vm.name;
    if (choices.kernel.empty())
        choices.kernel = vm.kernel;
    if (choices.disk_bytes == 0)
        choices.disk_bytes = vm.disk_bytes;
    return choices;
}

std::string execution_of(Engine& engine, const model::VmRecord& vm)
{
    const auto image = engine.images.find(vm.image_id);
    const auto execution = image ? image->facts.find("execution") : sdk::Fields::const_iterator();
    return image && execution != image->facts.end() ? execution->second : std::string();
}

}  // namespace

sdk::Result<images::Image> promote_vm(Engine& engine, const std::string& reference, const images::ImageChoices& choices,
                                      Operation& operation)
{
    auto locked = find_and_lock(engine, reference, "promoted", operation);
    if (!locked)
        return std::move(locked).error();
    const model::VmRecord& vm = locked->record;
    if (auto stopped = check_stopped(engine, vm, "promoted"); !stopped)
        return std::move(stopped).error();
    auto client_key = client_public_key(engine);
    if (!client_key)
        return std::move(client_key).error();
    const auto chosen = choices_after(vm, choices);
    std::optional<images::Image> promoted;
    auto done = with_disks(engine, vm, operation, [&](const std::vector<sdk::Disk>& disks) -> sdk::Result<void> {
        const images::MachineDisks machine{disks.at(0), disks.at(1), *client_key, execution_of(engine, vm)};
        auto image = engine.images.import_disks(machine, chosen.name, operation, chosen);
        if (!image)
            return std::move(image).error();
        promoted = std::move(*image);
        return {};
    });
    if (!done) {
        auto error = std::move(done).error().while_doing("promote vm '" + vm.name + "'");
        return leave_rest(engine, std::move(*locked), std::move(error));
    }
    return std::move(*promoted);
}

}  // namespace banger::lifecycle
