// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A kernel for Firecracker that needs nothing but itself: it counts in its memory, tells through its second disk how far it
// is, and does what it is asked there (firecracker_mailbox.hpp). Started in long mode with the first gigabyte mapped
// (Documentation/arch/x86/boot.rst, 64-bit boot protocol).
#include "firecracker_guest_virtio.hpp"
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

using namespace banger::guest;
using banger::mailbox::Answer;
using banger::mailbox::Ask;
using banger::mailbox::Verb;

alignas(4096) u64 level_4[512];
alignas(4096) u64 level_3[512];
alignas(4096) u64 level_2[4][512];
alignas(4096) u8 block[banger::mailbox::block_bytes];
template <typename Text>
struct alignas(banger::mailbox::sector_bytes) Sector {
    Text text;
};
Sector<Ask> ask;
Sector<Answer> answer;

// Section 5.2 of virtio 1.2.
class Disk {
public:
    void open(u32 nth)
    {
        if (!device_.find(2, nth))
            return;
        device_.begin(0);
        device_.add(0, queue_);
        device_.ready();
    }
    bool transfer(bool write, u64 sector, void* data, u64 bytes)
    {
        header_ = {write ? 1U : 0U, 0, sector};
        result_ = 0xff;
        queue_.set(0, &header_, sizeof header_, false, 1);
        queue_.set(1, data, bytes, !write, 2);
        queue_.set(2, const_cast<u8*>(&result_), 1, true);
        queue_.offer(0);
        device_.notify(0);
        queue_.wait();
        return result_ == 0;
    }

private:
    struct Header {
        u32 type;
        u32 reserved;
        u64 sector;
    };

    Device device_;
    Queue queue_;
    alignas(16) Header header_;
    volatile u8 result_;
};

// Section 5.1. What it receives is counted, and what it sends is one frame over and over.
class Network {
public:
    void open()
    {
        is_there_ = device_.find(1, 0);
        if (!is_there_)
            return;
        device_.begin(0);
        device_.add(0, received_);
        device_.add(1, sent_);
        // Behind the header of 12 bytes: to everybody, from us, of a local experiment (IEEE 802).
        constexpr u8 frame_begin[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x01, 0x88, 0xb5};
        for (u32 i = 0; i < sizeof frame_begin; ++i)
            frame_[12 + i] = frame_begin[i];
        for (u16 i = 0; i < Queue::size; ++i) {
            received_.set(i, buffers_[i], sizeof buffers_[i], true);
            received_.offer(i);
            sent_.set(i, frame_, sizeof frame_, false);
        }
        device_.ready();
        device_.notify(0);
    }
    bool send()
    {
        for (u16 i = 0; is_there_ && !sends_ && i < Queue::size; ++i)
            sent_.offer(i);
        sends_ = is_there_;
        device_.notify(1);
        return sends_;
    }
    void go_on()
    {
        if (!is_there_)
            return;
        answer.text.received += again(received_, 0);
        if (sends_)
            answer.text.sent += again(sent_, 1);
    }

private:
    u64 again(Queue& queue, u32 number)
    {
        u64 all = 0;
        for (u16 at = queue.take(); at != Queue::size; at = queue.take()) {
            queue.offer(at);
            ++all;
        }
        if (all != 0)
            device_.notify(number);
        return all;
    }

    Device device_;
    Queue received_;
    Queue sent_;
    u8 frame_[12 + 1514];
    u8 buffers_[Queue::size][2048];
    bool is_there_;
    bool sends_;
};

// Section 5.5: of a balloon that takes reports of free memory, its third queue.
class Balloon {
public:
    void open()
    {
        constexpr u32 page_reporting = 1U << 5U;
        takes_reports_ = device_.find(5, 0) && (device_.features() & page_reporting) != 0;
        if (!takes_reports_)
            return;
        device_.begin(page_reporting);
        device_.add(0, inflate_);
        device_.add(1, deflate_);
        device_.add(2, reports_);
        device_.ready();
    }
    bool report(u64 memory, u64 bytes)
    {
        if (!takes_reports_)
            return false;
        reports_.set(0, reinterpret_cast<void*>(memory), bytes, true);
        reports_.offer(0);
        device_.notify(2);
        reports_.wait();
        return true;
    }

private:
    Device device_;
    Queue inflate_;
    Queue deflate_;
    Queue reports_;
    bool takes_reports_;
};

Disk disks[2];
Network network;
Balloon balloon;

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

volatile u64& spare_word(u64 at)
{
    return *reinterpret_cast<volatile u64*>(banger::mailbox::spare_memory + at);
}

bool touch_spare_memory()
{
    for (u64 at = 0; at < banger::mailbox::spare_bytes; at += 4096)
        spare_word(at) = ~at;
    return true;
}

bool report_spare_memory()
{
    if (!balloon.report(banger::mailbox::spare_memory, banger::mailbox::spare_bytes))
        return false;
    return spare_word(0) == 0 && spare_word(banger::mailbox::spare_bytes - 4096) == 0;
}

bool do_what_is_asked()
{
    const auto byte = static_cast<u8>(ask.text.byte);
    switch (ask.text.verb) {
    case Verb::fill:
        fill_block(byte);
        return disks[0].transfer(true, 0, block, sizeof block);
    case Verb::look:
        return disks[0].transfer(false, 0, block, sizeof block) && block_has(byte);
    case Verb::send:
        return network.send();
    case Verb::touch:
        return touch_spare_memory();
    case Verb::report:
        return report_spare_memory();
    }
    return false;
}

}  // namespace

extern "C" [[noreturn]] void guest_main()
{
    map_memory();
    disks[0].open(0);
    disks[1].open(1);
    network.open();
    balloon.open();
    for (;;) {
        ++answer.text.count;
        if (ask.text.number != answer.text.number) {
            answer.text.done = do_what_is_asked() ? 1 : 0;
            answer.text.number = ask.text.number;
        }
        disks[1].transfer(true, 1, &answer, sizeof answer);
        disks[1].transfer(false, 0, &ask, sizeof ask);
        network.go_on();
        for (int i = 0; i < 200'000; ++i)
            asm volatile("" ::: "memory");
    }
}
