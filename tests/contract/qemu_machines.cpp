// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qemu_machines.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "banger/sdk/json_text.hpp"
#include "banger/sdk/kvm_trial.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "file_changes.hpp"
#include "qemu_start.hpp"

namespace banger::sdk::testing {
namespace {

std::string write(const std::string& path, const std::string& content)
{
    const auto wrote = os::write_file_atomic(path, content);
    EXPECT_TRUE(wrote) << wrote.error().message;
    return path;
}

// Waits for ever without using the processor: cli; hlt; jmp to hlt.
constexpr std::string_view idle_code = "\xfa\xf4\xeb\xfd";

// Counts in memory at 2 MiB and shows each number as eight hex digits on the first serial port (16550: the transmitter
// holding register is at 0x3f8). Assembled from:
//      cli;  movw $0x3f8, %dx
//   1: incl 0x200000;  movl 0x200000, %ebx;  movl $8, %ecx
//   2: roll $4, %ebx;  movb %bl, %al;  andb $15, %al;  cmpb $10, %al;  jb 3f;  addb $39, %al
//   3: addb $48, %al;  outb %al, %dx;  loop 2b;  movb $10, %al;  outb %al, %dx
//      movl $0x100000, %ecx
//   4: loop 4b;  jmp 1b
constexpr std::array<unsigned char, 52> counting_code{
    0xfa, 0x66, 0xba, 0xf8, 0x03, 0xff, 0x05, 0x00, 0x00, 0x20, 0x00, 0x8b, 0x1d, 0x00, 0x00, 0x20, 0x00, 0xb9,
    0x08, 0x00, 0x00, 0x00, 0xc1, 0xc3, 0x04, 0x88, 0xd8, 0x24, 0x0f, 0x3c, 0x0a, 0x72, 0x02, 0x04, 0x27, 0x04,
    0x30, 0xee, 0xe2, 0xee, 0xb0, 0x0a, 0xee, 0xb9, 0x00, 0x00, 0x10, 0x00, 0xe2, 0xfe, 0xeb, 0xd1};

// Adds one to the first byte of each page from 4 to 100 MiB, for ever, and shows a point for each time:
//      cli;  movw $0x3f8, %dx
//   1: movl $0x400000, %edi
//   2: incl (%edi);  addl $4096, %edi;  cmpl $0x6400000, %edi;  jb 2b
//      movb $46, %al;  outb %al, %dx;  jmp 1b
constexpr std::array<unsigned char, 31> busy_code{0xfa, 0x66, 0xba, 0xf8, 0x03, 0xbf, 0x00, 0x00, 0x40, 0x00, 0xff,
                                                  0x07, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, 0x81, 0xff, 0x00, 0x00,
                                                  0x40, 0x06, 0x72, 0xf0, 0xb0, 0x2e, 0xee, 0xeb, 0xe6};

template <std::size_t size>
std::string kernel_of(const std::array<unsigned char, size>& code)
{
    return bare_kernel({reinterpret_cast<const char*>(code.data()), code.size()});
}

BootSpec guest_with(const FakeHost& host, const std::string& kernel)
{
    BootSpec spec;
    spec.owner = host.new_owner();
    spec.kernel = write(spec.owner.directory + "/kernel", kernel);
    spec.initramfs = write(spec.owner.directory + "/initramfs", std::string(4096, '\0'));
    spec.command_line = "quiet";
    spec.vcpus = 1;
    spec.memory_mib = 32;
    const std::string root = write(spec.owner.directory + "/root, with a comma.disk", std::string(1U << 20U, '\0'));
    const std::string shared = write(host.directory() + "/shared.disk", std::string(1U << 20U, '\0'));
    spec.disks = {Disk{"root", root, "raw", false, 1U << 20U}, Disk{"modules", shared, "raw", true, 1U << 20U}};
    spec.links = {Link{{"user-restricted", {}}, "52:54:00:12:34:56", {}, {}, {}}};
    return spec;
}

std::uint64_t last_number_in(const std::string& console)
{
    constexpr std::size_t line = 9;
    const auto text = os::read_file(console, 64U << 20U).value_or({});
    const auto end = text.rfind('\n');
    if (end == std::string::npos || end + 1 < line)
        return 0;
    return std::strtoull(text.substr(end + 1 - line, line - 1).c_str(), nullptr, 16);
}

std::string pattern(const char* verb, char byte)
{
    return std::string(verb) + " -P " + std::to_string(static_cast<int>(byte)) + " 0 4096";
}

// Does what its device would do for the guest: what QEMU then says, in its log.
std::string disk_said(const Handle& machine, const std::string& role, const std::string& command)
{
    const std::string log = machine.owner.directory + "/qemu.log";
    const auto before = os::read_file(log).value_or({}).size();
    auto done = monitor_of(machine).ask("human-monitor-command",
                                        R"({"command-line":)" +
                                            json_string("qemu-io -d /machine/peripheral/" + role +
                                                         "/virtio-backend \"" + command + "\"") +
                                            "}");
    EXPECT_TRUE(done) << done.error().message;
    return os::read_file(log).value_or({}).substr(before);
}

}  // namespace

BootSpec idle_guest(const FakeHost& host)
{
    return guest_with(host, bare_kernel(idle_code));
}

BootSpec counting_guest(const FakeHost& host)
{
    return guest_with(host, kernel_of(counting_code));
}

BootSpec busy_guest(const FakeHost& host)
{
    auto spec = guest_with(host, kernel_of(busy_code));
    spec.memory_mib = 128;
    return spec;
}

std::uint64_t counted(const Owner& owner, std::uint64_t after, std::chrono::milliseconds patience)
{
    const std::string console = owner.directory + "/console.log";
    wait_for_change(console, patience, [&] { return last_number_in(console) > after; });
    const auto number = last_number_in(console);
    return number > after ? number : 0;
}

bool showed_something(const Owner& owner, std::chrono::milliseconds patience)
{
    const std::string console = owner.directory + "/console.log";
    const auto has_text = [&] { return !os::read_file(console).value_or({}).empty(); };
    wait_for_change(console, patience, has_text);
    return has_text();
}

// Over a hard link to the disk's file, as storage makes them: QEMU knows the file by its first name.
Disk new_top(const BootSpec& spec, const Disk& disk)
{
    const std::string stem = spec.owner.directory + "/" + FakeHost::random_hex(8);
    EXPECT_EQ(::link(disk.path.c_str(), (stem + ".layer").c_str()), 0);
    Disk top{disk.role, stem + ".qcow2", "qcow2", false, disk.bytes};
    os::Command command;
    command.argv = {"qemu-img", "create", "-q", "-f", "qcow2", "-F", disk.format, "-b", stem + ".layer", top.path};
    const auto made = os::run_checked(command);
    EXPECT_TRUE(made) << made.error().message;
    return top;
}

qemu::Monitor monitor_of(const Handle& machine)
{
    auto monitor = qemu::Monitor::of(qemu::qemu_process(), machine);
    EXPECT_TRUE(monitor) << monitor.error().message;
    return std::move(*monitor);
}

bool writes(const Handle& machine, const std::string& role, char byte)
{
    const auto said = disk_said(machine, role, pattern("write", byte));
    // Until then part of it may only be in QEMU's memory.
    return said.find("wrote 4096/4096") != std::string::npos && disk_said(machine, role, "flush").empty();
}

bool reads(const Handle& machine, const std::string& role, char byte)
{
    const auto said = disk_said(machine, role, pattern("read", byte));
    return said.find("read 4096/4096") != std::string::npos && said.find("failed") == std::string::npos;
}

bool holds(const Disk& disk, char byte)
{
    os::Command command;
    command.argv = {"qemu-io", "-r", "-U", "-f", disk.format, "-c", pattern("read", byte), disk.path};
    const auto output = os::run(command);
    EXPECT_TRUE(output) << output.error().message;
    return output && output->status == 0 && output->out.find("read 4096/4096") != std::string::npos &&
           output->out.find("failed") == std::string::npos;
}

}  // namespace banger::sdk::testing
