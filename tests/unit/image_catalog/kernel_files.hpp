// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elf.h>

#include <cstring>
#include <string>

namespace banger::catalog::testing {

inline const std::string good_configuration =
    "CONFIG_BLK_DEV_INITRD=y\nCONFIG_BINFMT_ELF=y\nCONFIG_TMPFS=y\nCONFIG_DEVTMPFS=y\nCONFIG_ACPI=y\n"
    "CONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_EXT4_FS=m\nCONFIG_VIRTIO_PCI=m\nCONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_NET=m\n"
    "CONFIG_VIRTIO_CONSOLE=m\n";

/// An ELF header and one empty segment, and the words that kernels say of themselves.
inline std::string vmlinux()
{
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    const Elf64_Phdr segment{};
    return std::string(reinterpret_cast<const char*>(&header), sizeof header) +
           std::string(reinterpret_cast<const char*>(&segment), sizeof segment) +
           std::string("Linux version %s (%s)\0Linux version 6.1.7-mine (me@here) (gcc)\0", 62);
}

}  // namespace banger::catalog::testing
