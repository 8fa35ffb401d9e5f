// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "interpreter.hpp"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {

sdk::Result<bool> has_interpreter(const std::string& program)
{
    auto file = sdk::os::open_file(program, O_RDONLY);
    if (!file)
        return std::move(file).error();
    Elf64_Ehdr header{};
    const bool elf = ::pread(file->get(), &header, sizeof header, 0) == static_cast<ssize_t>(sizeof header) &&
                     std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64;
    for (std::size_t i = 0; elf && i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        const auto at = static_cast<off_t>(header.e_phoff + i * header.e_phentsize);
        if (::pread(file->get(), &segment, sizeof segment, at) != static_cast<ssize_t>(sizeof segment))
            break;
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

}  // namespace banger::firecracker
