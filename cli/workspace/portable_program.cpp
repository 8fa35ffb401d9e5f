// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/portable_program.hpp"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::workspace {
namespace {

constexpr std::array<std::string_view, 8> libraries_everywhere{"libc.so.6",       "libm.so.6",      "libdl.so.2",
                                                               "librt.so.1",      "libutil.so.1",   "libgcc_s.so.1",
                                                               "libpthread.so.0", "libresolv.so.2"};

// Far more than any program has.
constexpr std::size_t most_parts = 1024;
constexpr std::size_t most_dynamic_entries = 4096;

template <typename Record>
bool read_at(int file, std::uint64_t offset, Record& record)
{
    return ::pread(file, &record, sizeof record, static_cast<off_t>(offset)) == sizeof record;
}

std::vector<Elf64_Phdr> parts_of(int file, const Elf64_Ehdr& header)
{
    std::vector<Elf64_Phdr> parts(std::min<std::size_t>(header.e_phnum, most_parts));
    for (std::size_t at = 0; at < parts.size(); ++at)
        if (!read_at(file, header.e_phoff + at * sizeof(Elf64_Phdr), parts[at]))
            return {};
    return parts;
}

/// Where in the file is what the program has at an address.
std::optional<std::uint64_t> offset_of(const std::vector<Elf64_Phdr>& parts, std::uint64_t address)
{
    for (const auto& part : parts)
        if (part.p_type == PT_LOAD && address >= part.p_vaddr && address - part.p_vaddr < part.p_filesz)
            return address - part.p_vaddr + part.p_offset;
    return std::nullopt;
}

bool is_everywhere(int file, std::uint64_t name_offset)
{
    std::array<char, 32> name{};
    const ssize_t got = ::pread(file, name.data(), name.size() - 1, static_cast<off_t>(name_offset));
    return got > 0 && std::find(libraries_everywhere.begin(), libraries_everywhere.end(),
                                std::string_view(name.data())) != libraries_everywhere.end();
}

bool needs_only_what_is_everywhere(int file, const std::vector<Elf64_Phdr>& parts, const Elf64_Phdr& dynamic)
{
    std::vector<std::uint64_t> needed;
    std::optional<std::uint64_t> names;
    const std::size_t count = std::min<std::size_t>(dynamic.p_filesz / sizeof(Elf64_Dyn), most_dynamic_entries);
    for (std::size_t at = 0; at < count; ++at) {
        Elf64_Dyn entry{};
        if (!read_at(file, dynamic.p_offset + at * sizeof entry, entry))
            return false;
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED)
            needed.push_back(entry.d_un.d_val);
        if (entry.d_tag == DT_STRTAB)
            names = offset_of(parts, entry.d_un.d_ptr);
    }
    return names && std::all_of(needed.begin(), needed.end(),
                                [&](std::uint64_t name) { return is_everywhere(file, *names + name); });
}

}  // namespace

bool is_portable(const std::string& program)
{
    auto file = sdk::os::open_file(program, O_RDONLY);
    if (!file)
        return false;
    Elf64_Ehdr header{};
    const ssize_t got = ::pread(file->get(), &header, sizeof header, 0);
    if (got >= 2 && std::memcmp(&header, "#!", 2) == 0)
        return true;
    if (got != sizeof header || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof(Elf64_Phdr))
        return false;
    const auto parts = parts_of(file->get(), header);
    const auto has = [](std::uint32_t type) { return [type](const Elf64_Phdr& part) { return part.p_type == type; }; };
    if (std::none_of(parts.begin(), parts.end(), has(PT_INTERP)))
        return !parts.empty();
    const auto dynamic = std::find_if(parts.begin(), parts.end(), has(PT_DYNAMIC));
    return dynamic != parts.end() && needs_only_what_is_everywhere(file->get(), parts, *dynamic);
}

}  // namespace banger::workspace
