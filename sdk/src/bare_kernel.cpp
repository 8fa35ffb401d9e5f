// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <elf.h>

#include <array>
#include <cstring>

#include "banger/sdk/kvm_trial.hpp"

namespace banger::sdk {
namespace {

constexpr std::uint32_t phys32_entry = 18;  // XEN_ELFNOTE_PHYS32_ENTRY, Xen's public/elfnote.h

struct Note {
    Elf64_Nhdr header{4, sizeof(std::uint64_t), phys32_entry};
    std::array<char, 4> name{'X', 'e', 'n', '\0'};
    std::uint64_t entry = bare_kernel_address;  // two words, the second one zero; aligned to 4 as ELF notes are
};

template <typename T>
void append(std::string& image, const T& part)
{
    image.append(reinterpret_cast<const char*>(&part), sizeof part);
}

Elf64_Phdr segment(Elf64_Word type, Elf64_Word flags, std::size_t offset, std::size_t address, std::size_t bytes)
{
    Elf64_Phdr header{};
    header.p_type = type;
    header.p_flags = flags;
    header.p_offset = offset;
    header.p_vaddr = address;
    header.p_paddr = address;
    header.p_filesz = bytes;
    header.p_memsz = bytes;
    header.p_align = 4;
    return header;
}

}  // namespace

std::string bare_kernel(std::string_view code, std::uint32_t entry_64)
{
    constexpr std::size_t note_at = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
    constexpr std::size_t code_at = note_at + sizeof(Note);
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_entry = bare_kernel_address + entry_64;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 2;

    std::string image;
    append(image, header);
    append(image, segment(PT_LOAD, PF_R | PF_W | PF_X, code_at, bare_kernel_address, code.size()));
    append(image, segment(PT_NOTE, PF_R, note_at, 0, sizeof(Note)));
    append(image, Note{});
    image.append(code);
    return image;
}

}  // namespace banger::sdk
