// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/vmlinux.hpp"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <string_view>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Result;

constexpr std::uint32_t xen_phys32_entry = 18;  // XEN_ELFNOTE_PHYS32_ENTRY: include/xen/interface/elfnote.h
constexpr std::size_t most_headers = 1024;
constexpr std::size_t most_notes = 1U << 20U;

bool read_at(int fd, std::uint64_t offset, void* into, std::size_t length)
{
    return ::pread(fd, into, length, static_cast<off_t>(offset)) == static_cast<ssize_t>(length);
}

std::size_t padded(std::size_t length)
{
    return (length + 3) / 4 * 4;
}

bool has_pvh_entry(std::string_view notes)
{
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note{};
        std::memcpy(&note, notes.data(), sizeof note);
        notes.remove_prefix(sizeof note);
        const std::size_t name = padded(note.n_namesz);
        const std::size_t whole = name + padded(note.n_descsz);
        if (whole > notes.size())
            return false;
        if (note.n_type == xen_phys32_entry && notes.substr(0, note.n_namesz) == std::string_view("Xen\0", 4))
            return true;
        notes.remove_prefix(whole);
    }
    return false;
}

bool is_kernel(const Elf64_Ehdr& header)
{
    return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
           header.e_ident[EI_DATA] == ELFDATA2LSB && header.e_machine == EM_X86_64 &&
           (header.e_type == ET_EXEC || header.e_type == ET_DYN) && header.e_phentsize == sizeof(Elf64_Phdr) &&
           header.e_phnum > 0 && header.e_phnum <= most_headers;
}

}  // namespace

Result<Vmlinux> inspect_vmlinux(const std::string& path)
{
    const auto fd = os::open_file(path, O_RDONLY | O_NOFOLLOW);
    if (!fd)
        return fd.error();
    const auto damaged = sdk::make_error(sdk::Code::corrupt, path + " is not an uncompressed 64-bit x86 kernel");
    Elf64_Ehdr header{};
    if (!read_at(fd->get(), 0, &header, sizeof header) || !is_kernel(header))
        return damaged;
    std::vector<Elf64_Phdr> segments(header.e_phnum);
    if (!read_at(fd->get(), header.e_phoff, segments.data(), segments.size() * sizeof(Elf64_Phdr)))
        return damaged;
    for (const Elf64_Phdr& segment : segments) {
        if (segment.p_type != PT_NOTE || segment.p_filesz > most_notes)
            continue;
        std::string notes(segment.p_filesz, '\0');
        if (!read_at(fd->get(), segment.p_offset, notes.data(), notes.size()))
            return damaged;
        if (has_pvh_entry(notes))
            return Vmlinux{true};
    }
    return Vmlinux{false};
}

}  // namespace banger::images
