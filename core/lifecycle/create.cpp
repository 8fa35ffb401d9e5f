// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/file.hpp"
#include "core/base/fault.hpp"
#include "core/base/ids.hpp"
#include "core/lifecycle/client_key.hpp"
#include "core/lifecycle/guest_configuration.hpp"
#include "core/lifecycle/initramfs.hpp"
#include "core/lifecycle/pick.hpp"
#include "core/lifecycle/delete.hpp"
#include "core/lifecycle/resolve.hpp"
#include "core/lifecycle/sources.hpp"
#include "core/lifecycle/ssh_keys.hpp"
#include "core/lifecycle/start.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/model/disks.hpp"

namespace banger::lifecycle {
namespace {

// Image and kernel, made now if they are not here: once, however many ask.
sdk::Result<images::Image> fetch_sources(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    const auto span = operation.span("image and kernel");
    auto image = claim_image(engine, vm, operation);
    if (!image)
        return std::move(image).error();
    // What a container image wants in the environment of whatever runs in it; who asked for the machine knows better.
    for (auto& [name, value] : images::environment_of(*image))
        vm.environment.emplace(name, std::move(value));
    if (vm.kernel.empty())
        vm.kernel = image->kernel;
    auto kernel = claim_kernel(engine, vm, operation);
    if (!kernel)
        return std::move(kernel).error();
    if (auto made = initramfs_for(engine, *kernel, operation); !made)
        return std::move(made).error();
    if (vm.disk_bytes < image->root.bytes)
        return sdk::make_error(sdk::Code::invalid,
                               "image '" + vm.image + "' needs a disk of at least " +
                                   std::to_string((image->root.bytes >> 20U) + 1) + " MiB",
                               "give a larger --disk");
    return image;
}

sdk::Result<void> make_directory(Engine& engine, const model::VmRecord& vm)
{
    if (auto fault = base::fault::reach("make vm directory"); !fault)
        return fault;
    const sdk::Owner owner = engine.owner_of(vm.id);
    if (auto made = sdk::os::make_private_directory(owner.directory); !made)
        return made;
    if (auto begun = handles::HandleJournal::begin(owner, engine.operations, engine.journals); !begun)
        return std::move(begun).error();
    return engine.store.update(vm);
}

sdk::Result<void> make_keys(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    if (auto fault = base::fault::reach("make ssh keys"); !fault)
        return fault;
    if (auto key = client_key(engine, operation); !key)
        return std::move(key).error();
    return make_host_key(engine.owner_of(vm.id).directory, host_alias(vm.id));
}

sdk::Result<void> make_disks(Engine& engine, const model::VmRecord& vm, const images::Image& image,
                             Operation& operation)
{
    const auto span = operation.span("create disks");
    auto storage = engine.registry.get<sdk::Storage>(vm.storage);
    if (!storage)
        return std::move(storage).error();
    for (const auto& role : model::writable_disk_roles())
        if (auto created = (*storage)->create(disk_spec(engine, vm, image, role), operation); !created)
            return std::move(created).error().while_doing("create " + role + " disk");
    return {};
}

// Everything after the name is reserved; on error the caller removes what there is.
sdk::Result<void> make_vm(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    if (auto made = make_directory(engine, vm); !made)
        return made;
    // A key that cannot be used is said before anybody waits for an image.
    if (auto made = make_keys(engine, vm, operation); !made)
        return made;
    auto image = fetch_sources(engine, vm, operation);
    if (!image)
        return std::move(image).error();
    if (auto wanted = operation.check(); !wanted)
        return wanted;
    if (auto made = make_disks(engine, vm, *image, operation); !made)
        return made;
    return operation.check();
}

// The name of a VM that was deleted is free once that is gone.
sdk::Result<void> await_name(Engine& engine, const std::string& name, Operation& operation)
{
    auto records = engine.store.list_all();
    if (!records)
        return std::move(records).error();
    const auto deadline = std::chrono::steady_clock::now() + patience_for_lock;
    for (const auto& vm : *records)
        if (vm.name == name)
            return await_teardown(engine, vm, operation, deadline);
    return {};
}

// A name and an id of its own, reserved. Two callers may make up the same name at the same moment: the later one makes up
// another.
sdk::Result<LockedVm> begin(Engine& engine, const model::VmSpec& spec, Operation& operation)
{
    for (int attempt = 1;; ++attempt) {
        if (auto free = await_name(engine, spec.name, operation); !free)
            return std::move(free).error();
        auto resolved = resolve(engine, spec, operation);
        if (!resolved)
            return std::move(resolved).error();
        auto lock = lock_vm(engine, *resolved, "created", operation);
        if (!lock)
            return std::move(lock).error();
        auto reserved = engine.store.reserve(*resolved);
        if (reserved)
            return LockedVm{std::move(*resolved), std::move(*lock)};
        constexpr int most_attempts = 8;
        if (reserved.error().code != sdk::Code::exists || !spec.name.empty() || attempt == most_attempts)
            return std::move(reserved).error();
    }
}

sdk::Error roll_back(Engine& engine, const model::VmRecord& vm, sdk::Error error, Operation& operation)
{
    if (operation.cancelled())  // whatever step noticed it first
        error = operation.called_off().value_or(
            sdk::make_error(sdk::Code::cancelled, "vm '" + vm.name + "' was cancelled while it was being made"));
    if (auto removed = remove_locked(engine, vm, operation); !removed)
        error.during.push_back("left behind: " + removed.error().message);
    return std::move(error).while_doing("create vm '" + vm.name + "'");
}

// On error there is nothing of it, or it is kept, stopped, for its log.
sdk::Result<void> carry_out(Engine& engine, model::VmRecord& vm, const CreateOptions& options, Operation& operation)
{
    const auto entry = engine.underway.enter(vm.id, operation);
    if (options.on_spec)
        options.on_spec(vm);
    if (auto made = make_vm(engine, vm, operation); !made)
        return roll_back(engine, vm, std::move(made).error(), operation);
    if (!options.start) {
        vm.desired = model::Desired::stopped;
        if (auto noted = engine.store.update(vm); !noted)
            return roll_back(engine, vm, std::move(noted).error(), operation);
        return {};
    }
    bool guest_silent = false;
    auto started = start_locked(engine, vm, operation, guest_silent);
    if (started)
        return {};
    if (!guest_silent)
        return roll_back(engine, vm, std::move(started).error(), operation);
    vm.desired = model::Desired::stopped;
    vm.removal = model::Removal::never;  // its console is all that says why
    if (auto noted = engine.store.update(vm); !noted)
        started.error().during.push_back("left behind: " + noted.error().message);
    return started;
}

}  // namespace

sdk::Result<model::VmRecord> create_vm(Engine& engine, const model::VmSpec& spec, const CreateOptions& options,
                                       Operation& operation)
{
    auto begun = begin(engine, spec, operation);
    if (!begun)
        return std::move(begun).error();
    operation.concerns(begun->record.id);
    if (auto made = carry_out(engine, begun->record, options, operation); !made)
        return leave_rest(engine, std::move(*begun), std::move(made).error());
    return std::move(begun->record);
}

}  // namespace banger::lifecycle
