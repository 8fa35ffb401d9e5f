// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "boot.hpp"

#include <algorithm>

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "disk_links.hpp"
#include "save_files.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::uint32_t most_vcpus = 32;              // MachineConfiguration in its API description
constexpr std::uint64_t most_memory_mib = 4U << 20U;  // 4 TiB
constexpr std::size_t most_devices = 16;              // each has one of the 19 interrupts 5 to 23
constexpr std::size_t longest_role = 20;
constexpr Version first_that_reports{1, 14, 0};
constexpr Version names_tracking_as_boots_do{1, 13, 0};
constexpr std::size_t longest_interface = 15;  // IFNAMSIZ less the final zero

// With 'k' a restart of the guest is Firecracker's regular end, and there is no other; the last reboot= counts. The
// agent is told to restart where others power off.
constexpr const char* end_of_line = "console=ttyS0 reboot=k banger.off=reboot";

sdk::Result<void> check_disks(const std::vector<sdk::Disk>& disks)
{
    std::vector<std::string> roles;
    for (const auto& disk : disks) {
        // The API has ids of letters, digits and underscores.
        if (!sdk::is_word(disk.role, longest_role) || disk.role.find('-') != std::string::npos)
            return make_error(Code::invalid, "'" + disk.role + "' cannot be a disk's role");
        if (std::find(roles.begin(), roles.end(), disk.role) != roles.end())
            return make_error(Code::invalid, "two disks have the role '" + disk.role + "'");
        if (disk.format != "raw")
            return make_error(Code::unsupported,
                              "Firecracker opens raw disks only, and disk '" + disk.role + "' is " + disk.format);
        if (!disk.path.starts_with('/'))
            return make_error(Code::invalid, "the path of disk '" + disk.role + "' is not absolute: " + disk.path);
        roles.push_back(disk.role);
    }
    return {};
}

sdk::Result<void> check_links(const std::vector<sdk::Link>& links)
{
    for (const auto& link : links) {
        const auto& [kind, fields] = link.attachment;
        if (kind == "none")
            continue;
        if (kind != "tap")
            return make_error(Code::unsupported, "Firecracker does not know network attachments of kind '" + kind + "'");
        if (!fields.contains("name") || !sdk::is_word(fields.at("name"), longest_interface))
            return make_error(Code::invalid, "a tap attachment has no usable interface name");
        if (!sdk::is_mac(link.mac))
            return make_error(Code::invalid, "'" + link.mac + "' is not a MAC address");
    }
    return {};
}

// Of the machine's network devices, in their order.
std::vector<Tap> taps_of(const std::vector<sdk::Link>& links)
{
    std::vector<Tap> taps;
    for (const auto& link : links)
        if (link.attachment.kind == "tap")
            taps.push_back({"link" + std::to_string(taps.size()), link.attachment.fields.at("name")});
    return taps;
}

}  // namespace

sdk::Result<void> check(const sdk::BootSpec& spec)
{
    const auto refuse = [](std::string what) { return make_error(Code::invalid, std::move(what)); };
    if (spec.vcpus == 0 || spec.vcpus > most_vcpus)
        return refuse("a VM on Firecracker has 1 to " + std::to_string(most_vcpus) + " CPUs, not " +
                      std::to_string(spec.vcpus));
    if (spec.memory_mib == 0 || spec.memory_mib > most_memory_mib)
        return refuse("a VM has 1 to " + std::to_string(most_memory_mib) + " MiB of memory, not " +
                      std::to_string(spec.memory_mib));
    if (spec.disks.size() + spec.links.size() > most_devices)
        return refuse("a VM on Firecracker has at most " + std::to_string(most_devices) + " disks and network devices");
    if (!sdk::is_word(spec.owner.instance, 8) || !sdk::is_word(spec.owner.vm, 12) || !spec.owner.directory.starts_with('/'))
        return refuse("the VM to boot has no proper identity");
    if (auto disks = check_disks(spec.disks); !disks)
        return disks;
    return check_links(spec.links);
}

std::vector<Request> boot_requests(const sdk::BootSpec& spec, const Config& config, const Version& version)
{
    const std::string words = spec.command_line.empty() ? end_of_line : spec.command_line + " " + end_of_line;
    std::vector<Request> requests{boot_source(spec.kernel, spec.initramfs, words),
                                  machine_config(spec.vcpus, spec.memory_mib, spec.forkable)};
    // The guest tells disks apart by their order: Firecracker's carry no serial of our choice.
    for (const auto& disk : spec.disks)
        requests.push_back(drive({disk.role, link_name(disk.role), disk.read_only, !spec.discardable,
                                  disk.read_only ? Rate{} : config.disk_rate}));
    const auto taps = taps_of(spec.links);
    auto tap = taps.begin();
    for (const auto& link : spec.links)
        if (link.attachment.kind == "tap") {
            requests.push_back(network_interface(tap->id, link.mac, tap->name, config.network_rate));
            ++tap;
        }
    requests.push_back(vsock(sdk::agent_socket_name));
    requests.push_back(entropy());
    if (config.balloon)
        requests.push_back(balloon(config.free_page_reporting && version >= first_that_reports));
    requests.push_back(start());
    return requests;
}

std::vector<Request> restore_requests(const sdk::RestoreSpec& spec, const Config& config, const Version& version)
{
    const auto& boot = spec.boot;
    const auto saved = saved_in(spec.snapshot);
    const auto taps = taps_of(boot.links);
    std::vector<Request> requests{load_snapshot({saved.path_of(devices_name), saved.path_of(memory_name), taps,
                                                 boot.forkable, version < names_tracking_as_boots_do})};
    // What is limited is part of the saved state, and the configuration may have changed since.
    if (config.disk_rate.limits())
        for (const auto& disk : boot.disks)
            if (!disk.read_only)
                requests.push_back(limit_drive(disk.role, config.disk_rate));
    if (config.network_rate.limits())
        for (const auto& tap : taps)
            requests.push_back(limit_network_interface(tap.id, config.network_rate));
    return requests;
}

sdk::MachineShape shape_of(const sdk::BootSpec& spec, const Version& version)
{
    const auto listed = [](std::string& list, const std::string& word) { list += (list.empty() ? "" : ", ") + word; };
    std::string disks;
    for (const auto& disk : spec.disks)
        listed(disks, disk.role + (disk.read_only ? " (read-only)" : ""));
    std::string links;
    for (const auto& link : spec.links)
        if (link.attachment.kind != "none")
            listed(links, link.attachment.kind);
    return {{"Firecracker", to_string(version)},
            {"processor", sdk::host_processor()},
            {"processors", std::to_string(spec.vcpus)},
            {"memory", std::to_string(spec.memory_mib) + " MiB"},
            {"disks", disks},
            {"links", links.empty() ? "none" : links}};
}

}  // namespace banger::firecracker
