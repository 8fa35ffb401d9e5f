// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "kvm_trial.hpp"

#include <elf.h>

#include <chrono>
#include <cstring>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

// The guest of the trial, assembled with this file and kept as data. Firecracker starts it at 1 MiB in long mode, the
// first gigabyte mapped to itself (Documentation/arch/x86/boot.rst, 64-bit boot protocol). Intel SDM volume 3, section
// 6.14 (64-bit exceptions).
asm(R"(
    .pushsection .rodata.banger_trial_guest, "a", @progbits
    .balign 16
    .globl banger_trial_guest_begin
    .hidden banger_trial_guest_begin
    .globl banger_trial_guest_end
    .hidden banger_trial_guest_end
    .set TRIAL_LOAD, 0x100000
    .set TRIAL_IDT, 0x400000
    .set TRIAL_STACK, 0x500000
    .code64
banger_trial_guest_begin:
    cli
    cld
    movl    $TRIAL_STACK, %esp

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
    movl    $TRIAL_IDT, %edi
    xorl    %eax, %eax
    movl    $64, %ecx
    rep stosl
    movl    $(TRIAL_LOAD + (banger_trial_undefined - banger_trial_guest_begin)), %eax
    movl    $TRIAL_IDT, %edi
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

    # The keyboard controller's reset line ends Firecracker with status 0.
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
banger_trial_idt_pointer:
    .word   255
    .quad   TRIAL_IDT
banger_trial_guest_end:
    .popsection
)");

extern "C" {
extern const char banger_trial_guest_begin;
extern const char banger_trial_guest_end;
}

namespace banger::firecracker {
namespace {

using sdk::Code;

constexpr std::chrono::seconds longest_trial{10};
constexpr std::uint32_t load_address = 0x100000;

std::string image()
{
    const std::string_view code(&banger_trial_guest_begin,
                                static_cast<std::size_t>(&banger_trial_guest_end - &banger_trial_guest_begin));
    Elf64_Ehdr header{};
    Elf64_Phdr segment{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = load_address;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof segment;
    header.e_phnum = 1;
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_vaddr = segment.p_paddr = load_address;
    segment.p_filesz = segment.p_memsz = code.size();
    std::string file(reinterpret_cast<const char*>(&header), sizeof header);
    file.append(reinterpret_cast<const char*>(&segment), sizeof segment);
    return file.append(code);
}

}  // namespace

sdk::Result<Trial> try_guest(const std::string& program, const std::string& directory, sdk::Call& call)
{
    if (auto wrote = sdk::os::write_file_atomic(directory + "/trial.elf", image()); !wrote)
        return std::move(wrote).error();
    // Named in the working directory, so that no path has to be written as JSON.
    if (auto wrote = sdk::os::write_file_atomic(
            directory + "/trial.json", R"({"boot-source":{"kernel_image_path":"trial.elf","boot_args":""},"drives":[],)"
                                       R"("machine-config":{"vcpu_count":1,"mem_size_mib":32}})");
        !wrote)
        return std::move(wrote).error();
    sdk::os::Command command;
    command.argv = {program, "--no-api", "--config-file", "trial.json", "--id", "banger-trial", "--level", "Error"};
    command.directory = directory;
    command.die_with_parent = true;
    sdk::os::RunLimits limits;
    limits.timeout = longest_trial;
    limits.cancel_descriptor = call.cancel_descriptor();
    const auto output = sdk::os::run(std::move(command), {}, limits);
    if (!output && output.error().code == Code::timed_out)
        return Trial{"a guest never ran to its end", false};
    if (!output)
        return output.error();
    if (output->status == 0)
        return Trial{};
    const std::string said = output->err.empty() ? output->out : output->err;
    const std::string first = said.substr(0, said.find('\n'));
    return Trial{"a guest ended Firecracker with status " + std::to_string(output->status) +
                 (first.empty() ? "" : ": " + first)};
}

}  // namespace banger::firecracker
