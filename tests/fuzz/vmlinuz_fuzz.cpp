// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come as a kernel image: they are refused, or unpack to the length they promise.
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "banger/sdk/os/fd.hpp"
#include "blobs/vmlinuz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    const std::string_view image(reinterpret_cast<const char*>(data), size);
    const sdk::os::UniqueFd output(::memfd_create("vmlinux", MFD_CLOEXEC));
    const auto payload = blobs::find_payload(image);
    const auto unpacked = blobs::unpack_vmlinux(image, output.get());
    if (unpacked && (!payload || ::lseek(output.get(), 0, SEEK_END) != static_cast<off_t>(payload->unpacked)))
        std::abort();
    if (!unpacked && unpacked.error().message.empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
