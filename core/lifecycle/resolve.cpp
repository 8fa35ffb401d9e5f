// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/resolve.hpp"

#include <algorithm>
#include <chrono>

#include "core/base/ids.hpp"
#include "core/config/limits.hpp"
#include "core/lifecycle/pick.hpp"

namespace banger::lifecycle {
namespace {

sdk::Result<void> resolve_name(Engine& engine, const model::VmSpec& spec, model::VmRecord& vm)
{
    auto records = engine.store.list_all();  // whoever is going has its name and id still
    if (!records)
        return std::move(records).error();
    const auto taken = [&](const std::string& name) {
        return std::any_of(records->begin(), records->end(), [&](const auto& other) { return other.name == name; });
    };
    vm.name = spec.name.empty() ? base::new_vm_name(taken) : spec.name;
    if (auto legal = base::check_vm_name(vm.name); !legal)
        return legal;
    if (taken(vm.name))
        return sdk::make_error(sdk::Code::exists, "there is a vm named '" + vm.name + "' already",
                               "choose another name, or `banger vm delete " + vm.name + "` first");
    do
        vm.id = base::new_vm_id();
    while (std::any_of(records->begin(), records->end(), [&](const auto& other) { return other.id == vm.id; }));
    return {};
}

sdk::Result<void> resolve_sizes(Engine& engine, const model::VmSpec& spec, model::VmRecord& vm)
{
    const auto& defaults = engine.config.vm_defaults;
    vm.vcpus = spec.vcpus.value_or(defaults.vcpu.value);
    vm.memory_mib = spec.memory_mib.value_or(defaults.memory_mib.value);
    vm.disk_bytes = spec.disk_bytes.value_or(defaults.disk_bytes.value);
    const auto signed_of = [](std::uint64_t number) {
        return static_cast<std::int64_t>(std::min<std::uint64_t>(number, INT64_MAX));
    };
    if (auto legal = config::check_vcpus("vcpus", signed_of(vm.vcpus), engine.host); !legal)
        return legal;
    if (auto legal = config::check_memory("memory", signed_of(vm.memory_mib), engine.host); !legal)
        return legal;
    if (auto legal = config::check_disk("disk", signed_of(vm.disk_bytes)); !legal)
        return legal;
    vm.disk_bytes = (vm.disk_bytes + config::disk_granularity - 1) / config::disk_granularity * config::disk_granularity;
    return {};
}

// Config was checked when it was read, so its words are words.
void resolve_policies(Engine& engine, const model::VmSpec& spec, model::VmRecord& vm)
{
    const auto& defaults = engine.config.vm_defaults;
    vm.egress = spec.egress.value_or(
        sdk::egress_from_string(defaults.egress.value).value_or(sdk::Egress::internet));
    vm.init = spec.init.value_or(model::init_from_string(defaults.init.value).value_or(model::Init::automatic));
    // "auto" is system: a guest without an init of its own is ready at once.
    vm.ready = spec.ready.value_or(model::ready_from_string(defaults.ready.value).value_or(model::Ready::system));
    vm.publish = spec.publish.value_or(
        model::publish_from_string(defaults.publish.value).value_or(model::Publish::automatic));
    vm.removal = spec.removal;
    vm.environment = spec.environment;
}

sdk::Result<void> resolve_sources(Engine& engine, const model::VmSpec& spec, model::VmRecord& vm)
{
    const auto& defaults = engine.config.vm_defaults;
    vm.image = spec.image.empty() ? defaults.image.value : spec.image;
    if (vm.image.empty())
        vm.image = engine.catalogue.default_image();
    vm.kernel = spec.kernel.empty() ? defaults.kernel.value : spec.kernel;
    // Known here already, or by the catalogue; asked before anything is made.
    const auto image = engine.images.find(vm.image);
    if (!image)
        if (auto entry = engine.catalogue.image(vm.image); !entry && !engine.images.is_reference(vm.image))
            return std::move(entry).error();
    if (image)
        if (auto fits = images::check_platform(*image, vm.image); !fits)
            return fits;
    if (image && image->disk_bytes != 0 && !spec.disk_bytes)
        vm.disk_bytes = image->disk_bytes;
    if (!vm.kernel.empty())
        if (auto kernel = engine.kernels.find(vm.kernel); !kernel)
            if (auto entry = engine.catalogue.kernel(vm.kernel); !entry)
                return std::move(entry).error();
    return {};
}

sdk::Result<void> check_environment(const model::VmSpec& spec)
{
    for (const auto& [name, value] : spec.environment)
        if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos ||
            value.find('\0') != std::string::npos)
            return sdk::make_error(sdk::Code::invalid, "'" + name + "' cannot be the name of an environment variable",
                                   "use --env NAME=VALUE");
    return {};
}

}  // namespace

sdk::Result<model::VmRecord> resolve(Engine& engine, const model::VmSpec& spec, Operation& operation)
{
    const auto span = operation.span("resolve");
    model::VmRecord vm;
    if (auto done = resolve_name(engine, spec, vm); !done)
        return std::move(done).error();
    if (auto done = resolve_sizes(engine, spec, vm); !done)
        return std::move(done).error();
    if (auto done = check_environment(spec); !done)
        return std::move(done).error();
    resolve_policies(engine, spec, vm);
    if (auto done = resolve_sources(engine, spec, vm); !done)
        return std::move(done).error();
    auto choice = pick_providers(engine, spec, vm.egress, operation);
    if (!choice)
        return std::move(choice).error();
    vm.vmm = choice->vmm;
    vm.storage = choice->storage;
    vm.network = choice->network;
    vm.disk_format = choice->disk_format;
    vm.attachment = choice->attachment;
    vm.machine_id = base::random_hex(16);
    vm.agent_token = base::random_hex(32);
    vm.created = std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
    return vm;
}

}  // namespace banger::lifecycle
