// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/sources.hpp"

#include <algorithm>

#include "core/lifecycle/teardown.hpp"

namespace banger::lifecycle {
namespace {

using IdOf = std::string model::VmRecord::*;

std::string joined(const std::vector<std::string>& names)
{
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

template <typename Store>
auto claim(Engine& engine, Store& store, const std::string& name, IdOf id_of, model::VmRecord& vm, Operation& operation)
    -> decltype(store.find(name))
{
    for (;;) {
        auto item = store.pull(name, operation);
        if (!item)
            return item;
        const auto lock = engine.source_locks.lock(item->id, "'" + name + "' is being taken for vm '" + vm.name + "'", &operation);
        if (!lock)
            return lock.error();
        auto still = store.find(item->id);
        if (!still && still.error().code == sdk::Code::not_found)
            continue;  // removed before we had the lock
        if (!still)
            return still;
        vm.*id_of = item->id;
        if (auto noted = engine.store.update(vm); !noted)
            return std::move(noted).error();
        return item;
    }
}

sdk::Result<std::vector<std::string>> users_of(sdk::Result<std::vector<model::VmRecord>> records, IdOf id_of,
                                               const std::string& id)
{
    if (!records)
        return std::move(records).error();
    std::vector<std::string> names;
    for (const auto& vm : *records)
        if (vm.*id_of == id)
            names.push_back(vm.name);
    return names;
}

template <typename Store>
sdk::Result<std::uint64_t> remove(Engine& engine, Store& store, IdOf id_of, const std::string& id, const std::string& name,
                                  Operation& operation)
{
    // Of VMs that are deleted, and whose disks stand on it so long.
    (void)await_teardowns(engine, operation, [&](const model::VmRecord& vm) { return vm.*id_of == id; });
    const auto lock = engine.source_locks.lock(id, "'" + name + "' is being deleted", &operation);
    if (!lock)
        return lock.error();
    const auto users = users_of(engine.store.list_all(), id_of, id);
    if (!users)
        return users.error();
    if (users->size() == 1)
        return sdk::make_error(sdk::Code::busy, "'" + name + "' is in use by vm '" + users->front() + "'",
                               "delete that vm first: `banger vm delete " + users->front() + "`");
    if (!users->empty())
        return sdk::make_error(sdk::Code::busy, "'" + name + "' is in use by the vms " + joined(*users),
                               "delete those first");
    return store.remove(id);
}

// Whether anybody who says one of its names gets it.
bool is_led_to(Engine& engine, const images::Image& image)
{
    const auto leads_here = [&](const std::string& name) {
        const auto found = engine.images.find(name);
        return found && found->id == image.id;
    };
    return leads_here(image.name) || std::any_of(image.other_names.begin(), image.other_names.end(), leads_here);
}

std::string why_spare(Engine& engine, const images::Image& image, bool all)
{
    if (!image.problem.empty())
        return "it is damaged";
    if (!is_led_to(engine, image))
        return "no name leads to it";
    return all && !image.kept ? "it can be had again" : "";
}

}  // namespace

sdk::Result<images::Image> claim_image(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    auto image = claim(engine, engine.images, vm.image, &model::VmRecord::image_id, vm, operation);
    if (image)
        if (auto fits = images::check_platform(*image, vm.image); !fits)
            return std::move(fits).error();
    return image;
}

sdk::Result<images::Kernel> claim_kernel(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    return claim(engine, engine.kernels, vm.kernel, &model::VmRecord::kernel_id, vm, operation);
}

sdk::Result<std::vector<std::string>> users_of_image(Engine& engine, const std::string& id)
{
    return users_of(engine.store.list(), &model::VmRecord::image_id, id);
}

sdk::Result<std::vector<std::string>> users_of_kernel(Engine& engine, const std::string& id)
{
    return users_of(engine.store.list(), &model::VmRecord::kernel_id, id);
}

sdk::Result<std::uint64_t> remove_image(Engine& engine, const std::string& id, const std::string& name, Operation& operation)
{
    return remove(engine, engine.images, &model::VmRecord::image_id, id, name, operation);
}

sdk::Result<std::uint64_t> remove_kernel(Engine& engine, const std::string& id, const std::string& name, Operation& operation)
{
    return remove(engine, engine.kernels, &model::VmRecord::kernel_id, id, name, operation);
}

sdk::Result<std::vector<SpareImage>> spare_images(Engine& engine, bool all)
{
    auto images = engine.images.list();
    if (!images)
        return std::move(images).error();
    std::vector<SpareImage> spare;
    for (auto& image : *images) {
        const auto users = users_of_image(engine, image.id);
        if (!users)
            return users.error();
        if (!users->empty())
            continue;
        if (auto why = why_spare(engine, image, all); !why.empty())
            spare.push_back({std::move(image), std::move(why)});
    }
    return spare;
}

}  // namespace banger::lifecycle
