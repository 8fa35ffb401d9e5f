// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may be where a disk of ours should be: it is no overlay, or its backing file has a name that was in it.
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"
#include "qcow2_overlay.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const banger::sdk::os::UniqueFd file(::memfd_create("disk", MFD_CLOEXEC));
    if (!banger::sdk::os::write_all(file.get(), std::string(reinterpret_cast<const char*>(data), size)))
        std::abort();
    const auto overlay = banger::file::read_qcow2_overlay(file.get());
    if (overlay ? overlay->backing_path.empty() || overlay->backing_path.size() > size
                : overlay.error().message.empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
