// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "banger/sdk/kvm_trial.hpp"

// The guest on trial, assembled with this file and kept as data. It runs at 1 MiB (bare_kernel_address) and keeps its page
// tables at 3 MiB and its interrupt table at 4 MiB. Intel SDM volume 3, sections 10.8.5 (entering long mode) and 6.14
// (64-bit exceptions); AMD APM volume 2, section 14.8.
asm(R"(
    .pushsection .rodata.banger_trial, "a", @progbits
    .balign 16
    .globl banger_trial_begin
    .hidden banger_trial_begin
    .globl banger_trial_enter_64
    .hidden banger_trial_enter_64
    .globl banger_trial_end
    .hidden banger_trial_end
    .set LOAD, 0x100000
    .set TABLES, 0x300000
    .set IDT, 0x400000
    .set STACK, 0x500000

    .code32
banger_trial_begin:
    cli
    cld
    movl    $STACK, %esp

    # Page tables: one gigabyte mapped to itself in pages of 2 MiB.
    movl    $TABLES, %edi
    xorl    %eax, %eax
    movl    $(3 * 1024), %ecx
    rep stosl
    movl    $(TABLES + 0x1003), TABLES
    movl    $(TABLES + 0x2003), TABLES + 0x1000
    movl    $0x83, %eax
    movl    $(TABLES + 0x2000), %edi
    movl    $512, %ecx
1:  movl    %eax, (%edi)
    addl    $0x200000, %eax
    addl    $8, %edi
    loop    1b

    # Long mode: CR4.PAE, CR3, EFER.LME, CR0.PG.
    movl    %cr4, %eax
    orl     $0x20, %eax
    movl    %eax, %cr4
    movl    $TABLES, %eax
    movl    %eax, %cr3
    movl    $0xc0000080, %ecx
    rdmsr
    orl     $0x100, %eax
    wrmsr
    movl    %cr0, %eax
    orl     $0x80000001, %eax
    movl    %eax, %cr0
    lgdtl   LOAD + (banger_trial_gdt_pointer - banger_trial_begin)
    ljmpl   $8, $(LOAD + (banger_trial_long_mode - banger_trial_begin))

    .code64
banger_trial_long_mode:
    movl    $16, %eax
    movl    %eax, %ds
    movl    %eax, %es
    movl    %eax, %ss
banger_trial_enter_64:
    cli
    cld
    movl    $STACK, %esp

    # An ordinary kernel's registers: APIC base, page attributes, GS base written and read back.
    movl    $0x1b, %ecx
    rdmsr
    movl    $0x277, %ecx
    rdmsr
    wrmsr
    movl    $0xc0000101, %ecx
    movl    $0x12345678, %eax
    xorl    %edx, %edx
    wrmsr
    xorl    %eax, %eax
    rdmsr
    cmpl    $0x12345678, %eax
    jne     2f
    xorl    %eax, %eax
    cpuid
    rdtsc

    # An exception taken and returned from: ud2 through gate 6.
    movl    $IDT, %edi
    xorl    %eax, %eax
    movl    $64, %ecx
    rep stosl
    movl    $(LOAD + (banger_trial_undefined - banger_trial_begin)), %eax
    movl    $IDT, %edi
    movw    %ax, 96(%rdi)
    movl    %cs, %ecx
    movw    %cx, 98(%rdi)
    movw    $0x8e00, 100(%rdi)
    shrl    $16, %eax
    movw    %ax, 102(%rdi)
    lidt    banger_trial_idt_pointer(%rip)
    xorl    %ebx, %ebx
    ud2
    cmpl    $0x2a, %ebx
    jne     2f

    movw    $0xf4, %dx
    movl    %ebx, %eax
    outl    %eax, %dx
    movb    $0xfe, %al
    outb    %al, $0x64
2:  cli
    hlt
    jmp     2b

banger_trial_undefined:
    movl    $0x2a, %ebx
    addq    $2, (%rsp)
    iretq

    .balign 8
banger_trial_gdt:
    .quad   0
    .quad   0x00af9b000000ffff      # 64-bit code
    .quad   0x00cf93000000ffff      # data
banger_trial_gdt_pointer:
    .word   23
    .long   LOAD + (banger_trial_gdt - banger_trial_begin)
banger_trial_idt_pointer:
    .word   255
    .quad   IDT
banger_trial_end:
    .popsection
)");

extern "C" {
extern const char banger_trial_begin;
extern const char banger_trial_enter_64;
extern const char banger_trial_end;
}

namespace banger::sdk {

static_assert(bare_kernel_address == 0x100000 && trial_answer == 0x2a, "the assembler text above has these numbers too");

std::string trial_kernel()
{
    const auto size = static_cast<std::size_t>(&banger_trial_end - &banger_trial_begin);
    return bare_kernel({&banger_trial_begin, size}, static_cast<std::uint32_t>(&banger_trial_enter_64 - &banger_trial_begin));
}

}  // namespace banger::sdk
