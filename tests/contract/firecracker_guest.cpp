// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A kernel for Firecracker that needs nothing but itself: it counts in its memory, tells through its second disk how far it
// is, and does to its first disk what it is asked there (firecracker_mailbox.hpp). Started in long mode with the first
// gigabyte mapped (Documentation/arch/x86/boot.rst, 64-bit boot protocol). Disks are virtio-mmio (virtio 1.2, sections 4.2
// and 5.2), looked for where Firecracker has them (arch/x86_64/layout.rs), and polled.
#include "firecracker_mailbox.hpp"

asm(R"(
    .globl _start
_start:
    leaq    guest_stack_top(%rip), %rsp
    call    guest_main
1:  hlt
    jmp     1b
    .bss
    .balign 16
    .skip   16384
guest_stack_top:
    .text
)");

namespace {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using banger::mailbox::Answer;
using banger::mailbox::Ask;

// Where devices may be, each in 4 KiB: since 1.12, and before.
constexpr u64 device_areas[] = {0xc0000000, 0xd0000000};
constexpr u64 device_bytes = 4096;
constexpr u64 devices_of_area = 32;

// Registers (table 4.1).
constexpr u64 magic = 0x000, device_id = 0x008, driver_features = 0x020, driver_features_select = 0x024;
constexpr u64 queue_select = 0x030, queue_size = 0x038, queue_ready = 0x044, queue_notify = 0x050, status = 0x070;
constexpr u64 queue_descriptors = 0x080, queue_available = 0x090, queue_used = 0x0a0;
constexpr u32 magic_value = 0x74726976;
constexpr u32 block_device = 2;
constexpr u32 version_1 = 1;  // feature 32

constexpr u16 has_next = 1, device_writes = 2;
constexpr u16 ring_size = 4;

struct Descriptor {
    u64 address;
    u32 length;
    u16 flags;
    u16 next;
};
struct Available {
    u16 flags;
    volatile u16 index;
    u16 ring[ring_size];
};
struct Used {
    u16 flags;
    volatile u16 index;
    struct {
        u32 id;
        u32 length;
    } ring[ring_size];
};
struct Header {
    u32 type;
    u32 reserved;
    u64 sector;
};
struct Disk {
    alignas(16) Descriptor descriptors[ring_size];
    alignas(16) Available available;
    alignas(16) Used used;
    alignas(16) Header header;
    u64 registers;
    u16 seen;
    volatile u8 result;
};

Disk disks[2];
alignas(4096) u64 level_4[512];
alignas(4096) u64 level_3[512];
alignas(4096) u64 level_2[4][512];
alignas(4096) u8 block[banger::mailbox::block_bytes];
alignas(512) u8 ask_sector[banger::mailbox::sector_bytes];
alignas(512) u8 answer_sector[banger::mailbox::sector_bytes];

u32 read_register(u64 registers, u64 at)
{
    return *reinterpret_cast<volatile u32*>(registers + at);
}
void write_register(u64 registers, u64 at, u32 value)
{
    *reinterpret_cast<volatile u32*>(registers + at) = value;
}
void write_address(u64 registers, u64 at, const void* address)
{
    write_register(registers, at, static_cast<u32>(reinterpret_cast<u64>(address)));
    write_register(registers, at + 4, static_cast<u32>(reinterpret_cast<u64>(address) >> 32U));
}
void barrier()
{
    asm volatile("mfence" ::: "memory");
}

// Four gigabytes to themselves, in pages of 2 MiB; the last of them, with the devices, is not cached.
void map_memory()
{
    level_4[0] = reinterpret_cast<u64>(level_3) | 3U;
    for (u64 part = 0; part < 4; ++part) {
        level_3[part] = reinterpret_cast<u64>(level_2[part]) | 3U;
        for (u64 page = 0; page < 512; ++page)
            level_2[part][page] = (part << 30U) | (page << 21U) | 0x83U | (part == 3 ? 0x18U : 0U);
    }
    asm volatile("movq %0, %%cr3" ::"r"(level_4) : "memory");
}

void open_disk(Disk& disk, u64 registers)
{
    disk.registers = registers;
    constexpr u32 steps[] = {0, 1, 3};  // reset, seen, driven; then features, and ready
    for (const u32 step : steps)
        write_register(registers, status, step);
    write_register(registers, driver_features_select, 0);
    write_register(registers, driver_features, 0);
    write_register(registers, driver_features_select, 1);
    write_register(registers, driver_features, version_1);
    write_register(registers, status, 11);
    write_register(registers, queue_select, 0);
    write_register(registers, queue_size, ring_size);
    write_address(registers, queue_descriptors, disk.descriptors);
    write_address(registers, queue_available, &disk.available);
    write_address(registers, queue_used, &disk.used);
    write_register(registers, queue_ready, 1);
    write_register(registers, status, 15);
}

void find_disks()
{
    u64 found = 0;
    for (const u64 area : device_areas)
        for (u64 slot = 0; slot < devices_of_area && found < 2; ++slot) {
            const u64 registers = area + slot * device_bytes;
            if (read_register(registers, magic) == magic_value && read_register(registers, device_id) == block_device)
                open_disk(disks[found++], registers);
        }
}

bool transfer(Disk& disk, bool write, u64 sector, void* data, u64 bytes)
{
    disk.header = {write ? 1U : 0U, 0, sector};
    disk.result = 0xff;
    disk.descriptors[0] = {reinterpret_cast<u64>(&disk.header), sizeof disk.header, has_next, 1};
    disk.descriptors[1] = {reinterpret_cast<u64>(data), static_cast<u32>(bytes),
                           static_cast<u16>(has_next | (write ? 0 : device_writes)), 2};
    disk.descriptors[2] = {reinterpret_cast<u64>(&disk.result), 1, device_writes, 0};
    disk.available.ring[disk.available.index % ring_size] = 0;
    barrier();
    disk.available.index = static_cast<u16>(disk.available.index + 1);
    barrier();
    write_register(disk.registers, queue_notify, 0);
    while (disk.used.index == disk.seen)
        asm volatile("pause" ::: "memory");
    disk.seen = disk.used.index;
    barrier();
    return disk.result == 0;
}

void fill_block(u8 byte)
{
    void* to = block;
    u64 count = sizeof block;
    asm volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(byte) : "memory");
}

bool block_has(u8 byte)
{
    for (const u8 one : block)
        if (one != byte)
            return false;
    return true;
}

bool do_what_is_asked(const Ask& ask)
{
    const auto byte = static_cast<u8>(ask.byte);
    if (ask.write != 0) {
        fill_block(byte);
        return transfer(disks[0], true, 0, block, sizeof block);
    }
    return transfer(disks[0], false, 0, block, sizeof block) && block_has(byte);
}

}  // namespace

extern "C" [[noreturn]] void guest_main()
{
    map_memory();
    find_disks();
    auto& ask = *reinterpret_cast<Ask*>(ask_sector);
    auto& answer = *reinterpret_cast<Answer*>(answer_sector);
    for (;;) {
        ++answer.count;
        if (ask.number != answer.number) {
            answer.done = do_what_is_asked(ask) ? 1 : 0;
            answer.number = ask.number;
        }
        transfer(disks[1], true, 1, answer_sector, sizeof answer_sector);
        transfer(disks[1], false, 0, ask_sector, sizeof ask_sector);
        for (int i = 0; i < 200'000; ++i)
            asm volatile("" ::: "memory");
    }
}
