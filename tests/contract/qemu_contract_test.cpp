// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/inotify.h>

#include <array>
#include <cstdlib>

#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/testing/vmm_snapshot_contract.hpp"
#include "pvh_image.hpp"
#include "qemu_snapshot.hpp"
#include "qemu_vmm.hpp"
#include "tests/demanded_accelerator.hpp"

namespace banger::sdk::testing {
namespace {

std::string write(const std::string& path, const std::string& content)
{
    const auto wrote = os::write_file_atomic(path, content);
    EXPECT_TRUE(wrote) << wrote.error().message;
    return path;
}

// A real QEMU, whose kernel does nothing but halt: the contract is about the process, and any guest will do.
BootSpec idle_guest(const FakeHost& host)
{
    BootSpec spec;
    spec.owner = host.new_owner();
    spec.kernel = write(spec.owner.directory + "/kernel", qemu::pvh_image(qemu::idle_code));
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

BootSpec counting_guest(const FakeHost& host)
{
    BootSpec spec = idle_guest(host);
    spec.kernel = write(spec.owner.directory + "/kernel",
                        qemu::pvh_image({reinterpret_cast<const char*>(counting_code.data()), counting_code.size()}));
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

std::uint64_t counted(const Owner& owner, std::uint64_t after)
{
    const std::string console = owner.directory + "/console.log";
    const os::UniqueFd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    ::inotify_add_watch(changes.get(), console.c_str(), IN_MODIFY);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    for (;;) {
        if (const auto number = last_number_in(console); number > after)
            return number;
        if (!os::wait_readable(changes.get(), -1, deadline))
            return 0;
        std::array<char, 4096> event{};
        (void)!::read(changes.get(), event.data(), event.size());
    }
}

Disk new_top(const BootSpec& spec, const Disk& disk)
{
    Disk top{disk.role, spec.owner.directory + "/top-" + FakeHost::random_hex(8) + ".qcow2", "qcow2", false, disk.bytes};
    os::Command command;
    command.argv = {"qemu-img", "create", "-q", "-f", "qcow2", "-F", disk.format, "-b", disk.path, top.path};
    const auto made = os::run_checked(command);
    EXPECT_TRUE(made) << made.error().message;
    return top;
}

// What the process has open for writing below the VM's directory, which must be one disk (proc(5), fdinfo).
std::string writes_to(const Handle& machine, const std::string& /*role*/)
{
    const std::string process = "/proc/" + machine.bound.at("pid");
    std::string written;
    for (const auto& number : os::list_directory(process + "/fd").value_or({})) {
        std::array<char, 4096> link{};
        if (::readlink((process + "/fd/" + number).c_str(), link.data(), link.size() - 1) <= 0)
            continue;
        const std::string path = link.data();
        const auto flags = os::read_file(process + "/fdinfo/" + number).value_or({});
        const auto at = flags.find("flags:\t");
        if (at == std::string::npos || !(path.ends_with(".disk") || path.ends_with(".qcow2")))
            continue;
        if ((std::strtol(flags.c_str() + at + 7, nullptr, 8) & O_ACCMODE) != O_RDONLY)
            written += (written.empty() ? "" : " and ") + path;
    }
    return written;
}

std::unique_ptr<Vmm> open(Host& host)
{
    return banger::tests::on_demanded_accelerator<Vmm>(
        host, [&](const std::string& config) { return qemu::make_vmm(host, config); });
}

INSTANTIATE_TEST_SUITE_P(Qemu, VmmContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));
std::unique_ptr<VmmSnapshot> open_snapshot(Host& host)
{
    return banger::tests::on_demanded_accelerator<VmmSnapshot>(
        host, [&](const std::string& config) { return qemu::make_snapshot(host, config); });
}

INSTANTIATE_TEST_SUITE_P(Qemu, VmmSnapshotContract,
                         ::testing::Values(VmmSnapshotUnderTest{"qemu", open, open_snapshot, counting_guest, counted,
                                                                new_top, writes_to}));
INSTANTIATE_TEST_SUITE_P(Qemu, VmmProcessContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));

}  // namespace
}  // namespace banger::sdk::testing
