// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Devices of firecracker_guest: virtio-mmio (virtio 1.2, sections 2.7 and 4.2), looked for where Firecracker has them
/// (arch/x86_64/layout.rs), and polled.
namespace banger::guest {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

inline void barrier()
{
    asm volatile("mfence" ::: "memory");
}

/// A split virtqueue. Its buffers are used in the order in which they were offered, as Firecracker does.
class Queue {
public:
    static constexpr u16 size = 64;

    /// Of descriptor `at`. With `next` it goes on there.
    void set(u16 at, const void* data, u64 bytes, bool device_writes, u16 next = size)
    {
        const auto flags = static_cast<u16>((next < size ? 1 : 0) | (device_writes ? 2 : 0));
        descriptors_[at] = {reinterpret_cast<u64>(data), static_cast<u32>(bytes), flags, next};
    }
    /// The chain from descriptor `at` is the device's.
    void offer(u16 at)
    {
        available_.ring[available_.index % size] = at;
        barrier();
        available_.index = static_cast<u16>(available_.index + 1);
        barrier();
    }
    /// The first descriptor of one that the device is done with, which is ours again; `size`: of none.
    u16 take()
    {
        if (used_.index == seen_)
            return size;
        barrier();
        return static_cast<u16>(used_.ring[seen_++ % size].id);
    }
    void wait()
    {
        while (take() == size)
            asm volatile("pause" ::: "memory");
    }

private:
    friend class Device;
    struct Descriptor {
        u64 address;
        u32 length;
        u16 flags;
        u16 next;
    };
    struct Available {
        u16 flags;
        volatile u16 index;
        u16 ring[size];
    };
    struct Used {
        u16 flags;
        volatile u16 index;
        struct {
            u32 id;
            u32 length;
        } ring[size];
    };

    alignas(16) Descriptor descriptors_[size];
    alignas(16) Available available_;
    alignas(16) Used used_;
    u16 seen_;
};

class Device {
public:
    /// The nth of its kind (section 5), from 0. False if there is none.
    bool find(u32 kind, u32 nth)
    {
        for (const u64 area : areas)
            for (u64 slot = 0; slot < devices_of_area; ++slot) {
                registers_ = area + slot * device_bytes;
                if (read(0x000) == magic && read(0x008) == kind && nth-- == 0)
                    return true;
            }
        return false;
    }
    /// The first 32 features that it offers.
    u32 features()
    {
        write(0x014, 0);
        return read(0x010);
    }
    void begin(u32 features)
    {
        constexpr u32 steps[] = {0, 1, 3};  // reset, seen, driven; then features
        for (const u32 step : steps)
            write(status, step);
        write(0x024, 0);
        write(0x020, features);
        write(0x024, 1);
        write(0x020, version_1);
        write(status, 11);
    }
    void add(u32 number, const Queue& queue)
    {
        write(0x030, number);
        write(0x038, Queue::size);
        write_address(0x080, &queue.descriptors_);
        write_address(0x090, &queue.available_);
        write_address(0x0a0, &queue.used_);
        write(0x044, 1);
    }
    void ready() { write(status, 15); }
    void notify(u32 queue) { write(0x050, queue); }

private:
    // Where devices may be, each in 4 KiB: since 1.12, and before.
    static constexpr u64 areas[] = {0xc0000000, 0xd0000000};
    static constexpr u64 device_bytes = 4096;
    static constexpr u64 devices_of_area = 32;
    static constexpr u32 magic = 0x74726976;
    static constexpr u64 status = 0x070;
    static constexpr u32 version_1 = 1;  // feature 32

    [[nodiscard]] u32 read(u64 at) const { return *reinterpret_cast<volatile u32*>(registers_ + at); }
    void write(u64 at, u32 value) { *reinterpret_cast<volatile u32*>(registers_ + at) = value; }
    void write_address(u64 at, const void* address)
    {
        write(at, static_cast<u32>(reinterpret_cast<u64>(address)));
        write(at + 4, static_cast<u32>(reinterpret_cast<u64>(address) >> 32U));
    }

    u64 registers_;
};

}  // namespace banger::guest
