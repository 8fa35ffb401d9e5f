// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <algorithm>
#include <utility>

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/json_text.hpp"
#include "banger/sdk/vmm_process.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::uint32_t most_vcpus = 255;             // more need interrupt remapping on q35
constexpr std::uint64_t most_memory_mib = 4U << 20U;  // 4 TiB: beyond it 'max' has no physical address bits
constexpr std::size_t most_devices = 24;              // of the 32 slots of pcie.0
constexpr std::size_t longest_serial = 20;            // VIRTIO_BLK_ID_BYTES, virtio 1.2 section 5.2.6
constexpr std::size_t longest_interface = 15;         // IFNAMSIZ less the final zero

sdk::Result<void> check_disks(const std::vector<sdk::Disk>& disks)
{
    std::vector<std::string> roles;
    for (const auto& disk : disks) {
        if (!sdk::is_word(disk.role, longest_serial))
            return make_error(Code::invalid, "'" + disk.role + "' cannot be a disk's role");
        if (std::find(roles.begin(), roles.end(), disk.role) != roles.end())
            return make_error(Code::invalid, "two disks have the role '" + disk.role + "'");
        if (disk.format != "raw" && disk.format != "qcow2")
            return make_error(Code::unsupported, "QEMU is not given disks of format '" + disk.format + "'");
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
        if (kind != "stream-socket" && kind != "tap" && kind != "user-restricted")
            return make_error(Code::unsupported, "QEMU does not know network attachments of kind '" + kind + "'");
        if (!sdk::is_mac(link.mac))
            return make_error(Code::invalid, "'" + link.mac + "' is not a MAC address");
        if (kind == "stream-socket" && !fields.contains("path"))
            return make_error(Code::invalid, "a stream-socket attachment has no path");
        if (kind == "tap" && (!fields.contains("name") || !sdk::is_word(fields.at("name"), longest_interface)))
            return make_error(Code::invalid, "a tap attachment has no usable interface name");
    }
    return {};
}

// In QEMU's JSON option syntax: the only one in which any path, also one with a comma, is safe.
std::string blockdev(const sdk::Disk& disk, bool is_device, bool discardable)
{
    // The format is always named: a guest that writes another format's header into a raw disk must not be believed.
    // Flushes reach the host's disk, except for a VM that nobody will keep.
    const std::string cache = sdk::JsonObject().flag("direct", false).flag("no-flush", discardable).done();
    // Whether the file is read-only comes from above: a disk that becomes a layer is then no longer open for writing.
    sdk::JsonObject file;
    file.text("driver", is_device ? "host_device" : "file").text("node-name", file_node(disk.role));
    file.text("filename", disk.path).text("aio", "threads").text("discard", "unmap").json("cache", cache);
    sdk::JsonObject node;
    node.text("driver", disk.format).text("node-name", disk.role).flag("read-only", disk.read_only);
    return node.text("discard", "unmap").json("cache", cache).json("file", file.done()).done();
}

void add_disks(std::vector<std::string>& argv, const sdk::BootSpec& spec, const Launch& launch)
{
    for (std::size_t i = 0; i < spec.disks.size(); ++i) {
        const auto& disk = spec.disks[i];
        const bool is_device = i < launch.disk_is_device.size() && launch.disk_is_device[i];
        argv.insert(argv.end(), {"-blockdev", blockdev(disk, is_device, spec.discardable)});
        argv.insert(argv.end(), {"-device", "virtio-blk-pci,id=" + disk.role + ",drive=" + disk.role + ",serial=" + disk.role});
    }
}

void add_links(std::vector<std::string>& argv, const std::vector<sdk::Link>& links)
{
    int descriptor = first_link_descriptor;
    int number = 0;
    for (const auto& link : links) {
        if (link.attachment.kind == "none")
            continue;
        const std::string id = "link" + std::to_string(number++);
        std::string backend;
        if (link.attachment.kind == "stream-socket")
            backend = "stream,id=" + id + ",server=off,addr.type=fd,addr.str=" + std::to_string(descriptor++);
        else if (link.attachment.kind == "tap")
            backend = "tap,id=" + id + ",ifname=" + link.attachment.fields.at("name") + ",script=no,downscript=no";
        else
            backend = "user,id=" + id + ",restrict=on";
        argv.insert(argv.end(), {"-netdev", backend});
        // No boot ROM: the kernel is loaded directly, and reading it costs time and an allocation per card.
        argv.insert(argv.end(), {"-device", "virtio-net-pci,netdev=" + id + ",mac=" + link.mac + ",romfile="});
    }
}

std::string socket_chardev(const std::string& id, int descriptor)
{
    return "socket,id=" + id + ",fd=" + std::to_string(descriptor) + ",server=on,wait=off";
}

}  // namespace

sdk::Result<void> check(const sdk::BootSpec& spec)
{
    const auto refuse = [](std::string what) { return make_error(Code::invalid, std::move(what)); };
    if (spec.vcpus == 0 || spec.vcpus > most_vcpus)
        return refuse("a VM has 1 to " + std::to_string(most_vcpus) + " CPUs, not " + std::to_string(spec.vcpus));
    if (spec.memory_mib == 0 || spec.memory_mib > most_memory_mib)
        return refuse("a VM has 1 to " + std::to_string(most_memory_mib) + " MiB of memory, not " +
                      std::to_string(spec.memory_mib));
    if (spec.disks.size() + spec.links.size() > most_devices)
        return refuse("a VM has at most " + std::to_string(most_devices) + " disks and network devices");
    if (!sdk::is_word(spec.owner.instance, 8) || !sdk::is_word(spec.owner.vm, 12) || !spec.owner.directory.starts_with('/'))
        return refuse("the VM to boot has no proper identity");
    if (auto disks = check_disks(spec.disks); !disks)
        return disks;
    return check_links(spec.links);
}

// Without "enhanced rep movsb" (erms) the guest's kernel copies memory in words; emulation does `rep movsb` byte by byte,
// which costs a third of a boot and most of a transfer.
constexpr const char* emulated_cpu = "max,-erms";

std::vector<std::string> command_line(const sdk::BootSpec& spec, const Launch& launch)
{
    const bool kvm = launch.accelerator == Accelerator::kvm;
    const std::string tcg = "tcg,thread=multi,tb-size=" + std::to_string(launch.translation_cache_mib);
    // clang-format off
    std::vector<std::string> argv{
        launch.program,
        "-name", sdk::VmmProcess::name_of(spec.owner) + ",process=vm-" + spec.owner.vm,
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        // Not microvm: under emulation every third boot of it hangs.
        "-machine", "q35,sata=off,usb=off,smbus=off,i8042=off,vmport=off,hpet=off,dump-guest-core=off",
        "-accel", kvm ? "kvm" : tcg,
        "-cpu", kvm ? "host" : emulated_cpu,
        "-smp", std::to_string(spec.vcpus),
        "-m", std::to_string(spec.memory_mib),
        "-kernel", spec.kernel,
    };
    // clang-format on
    if (!spec.initramfs.empty())
        argv.insert(argv.end(), {"-initrd", spec.initramfs});
    // An emulated timer on a busy host can miss the moments in which the kernel checks it, and the kernel then panics;
    // under KVM it skips that check by itself (Documentation/admin-guide/kernel-parameters.txt).
    const std::string console = kvm ? "console=ttyS0" : "no_timer_check console=ttyS0";
    // clang-format off
    argv.insert(argv.end(), {
        "-append", spec.command_line.empty() ? console : spec.command_line + " " + console,
        "-chardev", socket_chardev("api", api_descriptor), "-mon", "chardev=api,mode=control",
        // Appended, so that what earlier boots said stays and whoever truncates the file gets its space back.
        "-chardev", "file,id=console,path=console.log,append=on", "-serial", "chardev:console",
    });
    // clang-format on
    if (launch.incoming)
        argv.insert(argv.end(), {"-S", "-incoming", "defer"});
    add_disks(argv, spec, launch);
    add_links(argv, spec.links);
    // clang-format off
    argv.insert(argv.end(), {
        "-device", "virtio-serial-pci",
        "-chardev", socket_chardev("agent", agent_descriptor),
        "-device", std::string("virtserialport,chardev=agent,name=") + sdk::agent_port_name,
        "-device", "virtio-rng-pci",
    });
    // clang-format on
    return argv;
}

}  // namespace banger::qemu
