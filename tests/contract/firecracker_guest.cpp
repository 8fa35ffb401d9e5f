// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A kernel for Firecracker that needs nothing but itself: it counts in its memory, tells through its second disk how far it
// is, and does what it is asked there (firecracker_mailbox.hpp) to its first disk and over its network device. Started in
// long mode with the first gigabyte mapped (Documentation/arch/x86/boot.rst, 64-bit boot protocol). Devices are virtio-mmio
// (virtio 1.2, sections 4.2, 5.1 and 5.2), looked for where Firecracker has them (arch/x86_64/layout.rs), and polled.
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
using banger::mailbox::Work;

// Where devices may be, each in 4 KiB: since 1.12, and before.
constexpr u64 device_areas[] = {0xc0000000, 0xd0000000};
constexpr u64 device_bytes = 4096;
constexpr u64 devices_of_area = 32;

// Registers (table 4.1).
constexpr u64 magic = 0x000, device_id = 0x008, driver_features = 0x020, driver_features_select = 0x024;
constexpr u64 queue_select = 0x030, queue_size = 0x038, queue_ready = 0x044, queue_notify = 0x050, status = 0x070;
constexpr u64 queue_descriptors = 0x080, queue_available = 0x090, queue_used = 0x0a0;
constexpr u32 magic_value = 0x74726976;
constexpr u32 network_device = 1;
constexpr u32 block_device = 2;
constexpr u32 version_1 = 1;  // feature 32

constexpr u16 has_next = 1, device_writes = 2;
struct Descriptor {
    u64 address;
    u32 length;
    u16 flags;
    u16 next;
};
template <u16 size>
struct Ring {
    alignas(16) Descriptor descriptors[size];
    alignas(16) struct {
        u16 flags;
        volatile u16 index;
        u16 ring[size];
    } available;
    alignas(16) struct {
        u16 flags;
        volatile u16 index;
        struct {
            u32 id;
            u32 length;
        } ring[size];
    } used;
    u16 seen;
};
struct Header {
    u32 type;
    u32 reserved;
    u64 sector;
};
struct Disk {
    Ring<4> requests;
    alignas(16) Header header;
    u64 registers;
    volatile u8 result;
};

// A frame has this before it: all zeros, nothing is left to the device (section 5.1.6).
constexpr u64 frame_header_bytes = 12;
// Firecracker gives nothing to a guest that has not room for its longest frame, of 64 KiB, in buffers of at least 1526 bytes.
constexpr u16 frames_at_once = 64;
struct Network {
    Ring<frames_at_once> incoming;  // queue 0
    Ring<4> outgoing;               // queue 1
    u64 registers;
    alignas(16) u8 incoming_frame[1536];  // for all of them: what is in it does not matter
    alignas(16) u8 outgoing_frame[frame_header_bytes + banger::mailbox::longest_frame];
};

Network network;
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

void begin_device(u64 registers)
{
    constexpr u32 steps[] = {0, 1, 3};  // reset, seen, driven; then features, and ready
    for (const u32 step : steps)
        write_register(registers, status, step);
    write_register(registers, driver_features_select, 0);
    write_register(registers, driver_features, 0);
    write_register(registers, driver_features_select, 1);
    write_register(registers, driver_features, version_1);
    write_register(registers, status, 11);
}

template <u16 size>
void give_queue(u64 registers, u32 queue, Ring<size>& ring)
{
    write_register(registers, queue_select, queue);
    write_register(registers, queue_size, size);
    write_address(registers, queue_descriptors, ring.descriptors);
    write_address(registers, queue_available, &ring.available);
    write_address(registers, queue_used, &ring.used);
    write_register(registers, queue_ready, 1);
}

void open_device(u64 registers)
{
    write_register(registers, status, 15);
}

template <u16 size>
void offer(Ring<size>& ring, u16 head)
{
    ring.available.ring[ring.available.index % size] = head;
    barrier();
    ring.available.index = static_cast<u16>(ring.available.index + 1);
    barrier();
}

// The next that the device is done with: its head, behind the other.
template <u16 size>
bool take_used(Ring<size>& ring, u32& head)
{
    if (ring.used.index == ring.seen)
        return false;
    barrier();
    head = ring.used.ring[ring.seen % size].id;
    ring.seen = static_cast<u16>(ring.seen + 1);
    return true;
}

template <u16 size>
u32 wait_for_used(Ring<size>& ring)
{
    u32 head = 0;
    while (!take_used(ring, head))
        asm volatile("pause" ::: "memory");
    return head;
}

void open_disk(Disk& disk, u64 registers)
{
    disk.registers = registers;
    begin_device(registers);
    give_queue(registers, 0, disk.requests);
    open_device(registers);
}

void open_network(u64 registers)
{
    network.registers = registers;
    begin_device(registers);
    give_queue(registers, 0, network.incoming);
    give_queue(registers, 1, network.outgoing);
    open_device(registers);
    for (u16 i = 0; i < frames_at_once; ++i) {
        network.incoming.descriptors[i] = {reinterpret_cast<u64>(network.incoming_frame),
                                           sizeof network.incoming_frame, device_writes, 0};
        offer(network.incoming, i);
    }
    write_register(registers, queue_notify, 0);
}

void find_devices()
{
    u64 found = 0;
    for (const u64 area : device_areas)
        for (u64 slot = 0; slot < devices_of_area; ++slot) {
            const u64 registers = area + slot * device_bytes;
            if (read_register(registers, magic) != magic_value)
                continue;
            const u32 id = read_register(registers, device_id);
            if (id == block_device && found < 2)
                open_disk(disks[found++], registers);
            if (id == network_device)
                open_network(registers);
        }
}

bool transfer(Disk& disk, bool write, u64 sector, void* data, u64 bytes)
{
    disk.header = {write ? 1U : 0U, 0, sector};
    disk.result = 0xff;
    auto& ring = disk.requests;
    ring.descriptors[0] = {reinterpret_cast<u64>(&disk.header), sizeof disk.header, has_next, 1};
    ring.descriptors[1] = {reinterpret_cast<u64>(data), static_cast<u32>(bytes),
                           static_cast<u16>(has_next | (write ? 0 : device_writes)), 2};
    ring.descriptors[2] = {reinterpret_cast<u64>(&disk.result), 1, device_writes, 0};
    offer(ring, 0);
    write_register(disk.registers, queue_notify, 0);
    wait_for_used(ring);
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

// To everybody, from nobody, of a kind that nobody takes (IEEE 802, local experimental EtherType 1).
bool send_frames(u32 count, u32 length)
{
    if (network.registers == 0 || length > banger::mailbox::longest_frame)
        return false;
    u8* frame = network.outgoing_frame + frame_header_bytes;
    for (u64 i = 0; i < 6; ++i) {
        frame[i] = 0xff;
        frame[6 + i] = 0x02;
    }
    frame[12] = 0x88;
    frame[13] = 0xb5;
    for (u32 i = 0; i < count; ++i) {
        network.outgoing.descriptors[0] = {reinterpret_cast<u64>(network.outgoing_frame),
                                           static_cast<u32>(frame_header_bytes + length), 0, 0};
        offer(network.outgoing, 0);
        write_register(network.registers, queue_notify, 1);
        wait_for_used(network.outgoing);
    }
    return true;
}

bool receive_frames(u32 count)
{
    if (network.registers == 0)
        return false;
    for (u32 i = 0; i < count; ++i) {
        const auto head = static_cast<u16>(wait_for_used(network.incoming));
        offer(network.incoming, head);
        write_register(network.registers, queue_notify, 0);
    }
    return true;
}

bool do_what_is_asked(const Ask& ask)
{
    const auto byte = static_cast<u8>(ask.value);
    switch (ask.work) {
    case Work::look: return transfer(disks[0], false, 0, block, sizeof block) && block_has(byte);
    case Work::write: fill_block(byte); return transfer(disks[0], true, 0, block, sizeof block);
    case Work::send: return send_frames(ask.value, ask.length);
    case Work::receive: return receive_frames(ask.value);
    }
    return false;
}

}  // namespace

extern "C" [[noreturn]] void guest_main()
{
    map_memory();
    find_devices();
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
