// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/guest_configuration.hpp"

#include <sys/random.h>

#include <array>
#include <chrono>

#include "banger/sdk/os/file.hpp"
#include "core/base/base64.hpp"
#include "core/lifecycle/client_key.hpp"
#include "core/lifecycle/ssh_keys.hpp"
#include "core/model/disks.hpp"

namespace banger::lifecycle {
namespace {

std::string fresh_seed()
{
    std::array<char, 64> bytes{};
    (void)!::getrandom(bytes.data(), bytes.size(), 0);
    return base::to_base64({bytes.data(), bytes.size()});
}

std::string facts_path(const Engine& engine, const model::VmRecord& vm)
{
    return engine.owner_of(vm.id).directory + "/guest.json";
}

agent::Configuration::DiskMount mount_of(const sdk::Disk& disk)
{
    if (disk.role == model::root_disk)
        return {disk.role, "/", false};
    if (disk.role == model::work_disk)
        return {disk.role, "/root", false};
    return {disk.role, "/lib/modules", true};
}

}  // namespace

sdk::DiskSpec disk_spec(const Engine& engine, const model::VmRecord& vm, const images::Image& image,
                        const std::string& role)
{
    return {engine.owner_of(vm.id), role, role == model::root_disk ? image.root : image.work, vm.disk_bytes,
            vm.disk_format};
}

sdk::Result<agent::Configuration> guest_configuration(Engine& engine, const model::VmRecord& vm,
                                                      const sdk::BootSpec& boot)
{
    auto host_key = read_host_key(engine.owner_of(vm.id).directory);
    if (!host_key)
        return std::move(host_key).error();
    auto client_key = client_public_key(engine);
    if (!client_key)
        return std::move(client_key).error();

    agent::Configuration configuration;
    configuration.hostname = vm.name;
    configuration.machine_id = vm.machine_id;
    configuration.clock_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
    configuration.seed = fresh_seed();
    configuration.authorized_keys = {*client_key};
    configuration.ssh_host_keys = {*host_key};
    for (const auto& disk : boot.disks)
        configuration.disks.push_back(mount_of(disk));
    for (const auto& link : boot.links)
        if (!link.address.empty())
            configuration.network.push_back({link.mac, link.address, link.gateway, link.dns});
    configuration.init = model::to_string(vm.init);
    return configuration;
}

sdk::Result<void> note_facts(Engine& engine, const model::VmRecord& vm, const agent::GuestFacts& facts)
{
    return sdk::os::write_file_atomic(facts_path(engine, vm), agent::to_json(facts));
}

std::optional<agent::GuestFacts> noted_facts(const Engine& engine, const model::VmRecord& vm)
{
    auto text = sdk::os::read_file(facts_path(engine, vm), 1U << 20U);
    if (!text)
        return std::nullopt;
    auto facts = agent::guest_facts_from_json(*text);
    if (!facts)
        return std::nullopt;
    return *std::move(facts);
}

}  // namespace banger::lifecycle
