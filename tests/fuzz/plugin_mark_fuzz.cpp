// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any file may lie where plugins are looked for: its section is read without reading outside of it, or it is refused.
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"
#include "core/plugins/elf_section.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const banger::sdk::os::UniqueFd file(::memfd_create("library", MFD_CLOEXEC));
    if (!banger::sdk::os::write_all(file.get(), std::string(reinterpret_cast<const char*>(data), size)))
        std::abort();
    const auto section =
        banger::plugins::read_elf_section("/proc/self/fd/" + std::to_string(file.get()), "bangerv0");
    if (section ? section->size() > size : section.error().message.empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
